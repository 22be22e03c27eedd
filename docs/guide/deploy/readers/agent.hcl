# Renders the candidates of one application into a file: `bao agent -config=agent.hcl`, or `vault agent …`.
# Its policy: read on secret/data/apps/billing, and nothing else.

vault {
  address = "https://vault.example:8200"
}

auto_auth {
  method "approle" {
    mount_path = "auth/approle"
    config = {
      role_id_file_path                   = "/etc/billing/role-id"
      secret_id_file_path                 = "/etc/billing/secret-id"
      remove_secret_id_file_after_reading = false # a restarted agent needs it again
    }
  }
}

template_config {
  static_secret_render_interval = "5m" # the default; consumer_refresh in bridge.toml must not be shorter
}

template {
  source               = "/etc/billing/sibling-keys.ctmpl" # or fallback.ctmpl
  destination          = "/run/billing/auth0.json"
  perms                = "0600"
  error_on_missing_key = true  # a missing key is an error, not the text "<no value>"
  backup               = false # no second copy of an older secret
}
