from __future__ import annotations
import pytest, random
from bridge.begin import Options
from bridge.rotate import resume
from bridge.plan import Operation
from tests.e2e.observe import shape, unsettled, values_met
from tests.e2e.taps import Killed, Trace, kill_after
from tests.e2e.test_interruption import STORIES, die_after

@pytest.mark.parametrize("story", [s for s in STORIES if "empty" not in s])
def test_edits_between(make_world, story):
    prepare, work = STORIES[story]
    world = prepare(make_world()); trace = Trace(world.clock); work(world, trace); world.spread()
    for p in world.places: p.edit("db_url","new"); p.tag("foreign","x")
    expected = shape(world); faults=[]
    for nth in range(len(trace.effects)):
        world = prepare(make_world())
        where = die_after(world, work, nth)
        for p in world.places: p.edit("db_url","new"); p.tag("foreign","x")
        try:
            done = resume(world.job(), Options(takeover=True, settle=False)); world.spread()
            if (done is None or done.operation is Operation.REPAIR) and shape(world)!=expected:
                work(world, Trace(world.clock)); world.spread()
            found = shape(world)
            for s in (found, expected):
                s["aws"]["labels"].pop("AWSPREVIOUS",None); s["aws"].pop("readable",None)
            if found!=expected: faults.append((where,[(k,kk,found[k][kk],expected[k][kk]) for k in ("vault","aws") for kk in found[k] if found[k][kk]!=expected[k][kk]], found["unsettled"]))
        except Exception as e:
            faults.append((where, repr(e), getattr(e,'message','')))
    assert not faults, "\n".join(map(str,faults))

@pytest.mark.parametrize("story", list(STORIES))
def test_double(make_world, story):
    prepare, work = STORIES[story]
    world = prepare(make_world()); trace = Trace(world.clock); work(world, trace); world.spread()
    expected = shape(world); faults=[]
    for _ in range(14):
        nth = random.randrange(len(trace.effects))
        world = prepare(make_world())
        where = [die_after(world, work, nth)]
        try:
            for k in range(3):
                t = Trace(world.clock); kill_after(t, random.randrange(12))
                try:
                    resume(world.job(trace=t), Options(takeover=True, settle=False))
                    where.append('done')
                except Killed:
                    where.append(str(t.effects[-1]) + str(len(t.effects)))
                    held = {value for place in world.places for value in place.see().readable}
                    if not values_met(world) <= held | {world.s0}: faults.append((where,'LOST'))
            done = resume(world.job(), Options(takeover=True, settle=False)); world.spread()
            if shape(world)!=expected and unsettled(world)==[]:
                work(world, Trace(world.clock)); world.spread()
            found = shape(world)
            if found!=expected: faults.append((where,[(k,kk,found[k][kk],expected[k][kk]) for k in ("vault","aws") for kk in found[k] if found[k][kk]!=expected[k][kk]], found["unsettled"]))
        except Exception as e:
            faults.append((where, repr(e), getattr(e,'message','')))
    assert not faults, "\n".join(map(str,faults))
