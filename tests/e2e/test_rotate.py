from __future__ import annotations

from tests.e2e.world import World


def test_smoke(world: World) -> None:
    import time

    for place in world.places:
        place.fill(world.s0)
    t = time.time()
    world.adopt()
    print("adopt", time.time() - t)
    t = time.time()
    from tests.e2e.taps import Trace

    tr = Trace(world.clock)
    world.rotate(tr, settle=True)
    print("rotate", time.time() - t)
    for c in tr.calls:
        print(
            c.number,
            c,
            f"{tr.ended[c.number] - c.began:.4f}",
            c.args[0] if c.args and isinstance(c.args[0], str) else "",
        )
    t = time.time()
    print(world.dump())
    print("dump", time.time() - t)
