"""Many clients, on one machine or on several: what is next for each of them, and doing it.

The unit of work needs no engine. `sweep` reads where every client stands and says what is next. `act` does one of these
things. Both may be called again at any time, from any machine, with the same result: the vaults hold the truth, and
their compare-and-set decides between two who do the same.

    import os
    from pathlib import Path
    from bridge.config.load import load
    from bridge.fleet.act import act
    from bridge.fleet.sweep import sweep

    settings = load(Path("bridge.toml"), os.environ)
    results = [act(settings, action) for action in sweep(settings).actions]

Actions hold names, and results hold no value of a secret. Both become JSON by `as_dict`.
"""
