# Answers Vault's API on loopback with a login of its own: `bao proxy -config=proxy.hcl`, or `vault proxy …`.
# Whoever reaches the listener has the rights of its policy: read on secret/data/apps/billing and …/pending.

vault {
  address = "https://vault.example:8200"
}

auto_auth {
  method "approle" {
    mount_path = "auth/approle"
    config = {
      role_id_file_path                   = "/etc/billing/role-id"
      secret_id_file_path                 = "/etc/billing/secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
}

api_proxy {
  use_auto_auth_token = "force" # whatever token the application sends is ignored
}

listener "tcp" {
  address                = "127.0.0.1:8100"
  tls_disable            = true # loopback only
  require_request_header = true # refuses what has no X-Vault-Request, as a tricked web client; hvac sends it
}
