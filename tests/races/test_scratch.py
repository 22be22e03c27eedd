from __future__ import annotations
import pytest, sys
from bridge.begin import Options
from bridge.rotate import RotateOptions, resume, rotate
from bridge.plan import Strategy
from tests.e2e.observe import assert_rotated
from tests.e2e.taps import Trace
from tests.e2e.world import MakeWorld, World
from tests.races.frozen import Frozen

@pytest.mark.parametrize("which", ["vault","aws","both"])
@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("late", [True, False])
def test_x(make_world, which, strategy, late):
    def new():
        w = make_world()
        for p in w.places: p.fill(w.s0)
        u = {"vault":[w.vault.uri],"aws":[w.aws.uri],"both":[w.vault.uri,w.aws.uri]}[which]
        w.places = tuple(p for p in w.places if p.uri in u)
        w.adopt(uris=u); w.rotate(uris=u)
        return w,u
    def op(w,u, **more):
        return lambda trace: rotate(w.job(u,trace), RotateOptions(settle=False, strategy=strategy, **more))
    w,u = new(); t=Trace(w.clock); op(w,u)(t)
    for k in [c.number for c in t.calls if c.changes]:
        w,u = new()
        z = Frozen(w, op(w,u), lambda c: c.number==k).start()
        b = resume(w.job(u), Options(takeover=True, settle=False))
        if not late:
            z.wake()
        w.spread()
        c = rotate(w.job(u), RotateOptions(settle=False)); w.spread()
        d = Frozen(w, op(w,u), lambda c: c.name in ("set_secret","rotate_secret")).start()
        pend = {p.uri: p.pending() for p in w.places}
        if late: z.wake()
        print(which, strategy, late, k, z.call, str(z.call.args)[:60], "| B", b and b.operation, "| zombie", z.exit_status, z.message[:150] or (z.answer and z.answer.result))
        bad=[]
        if {p.uri: p.pending() for p in w.places} != pend: bad.append("PENDING TOUCHED")
        d.wake()
        if d.error: bad.append(f"D {d.error!r}")
        w.spread()
        hist=[h.value for h in w.tenant.secret_history(w.client_id)]
        for p in w.places:
            if p.current()!=w.live: bad.append(f"{p.uri} current not live")
            if p.fallback()!=hist[-2]: bad.append(f"{p.uri} fallback {hist.index(p.fallback()) if p.fallback() in hist else p.fallback()} of {len(hist)}")
            if p.pending() is not None: bad.append("pending left")
        bad += [p.uri+" unsettled" for p in (s.survey() for s in w.job(u).sinks.values()) if p.unsettled]
        print("   history", len(hist), "BAD" if bad else "ok", bad)
