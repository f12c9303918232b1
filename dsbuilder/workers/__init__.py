"""One supervised crew of worker processes, for every role that needs them.

crew.py         the supervisor: starts workers, gives them tasks, retries those of workers that died
fork_server.py  the process that workers are forked from, and what a worker runs
role.py         what a role is, and what a task is
channel.py      JSON messages and file descriptors over a socket
heartbeat.py    the page by which the supervisor knows where a worker is, and that it lives
slot.py         memory that a worker leaves arrays in, and the supervisor takes them from
failure.py      what went wrong in a worker, raised again where the crew is
system.py       on which systems this runs, and how many cores there are

A worker's *role* says what it does. A role is a class beside the work that it does, and no one here
imports it: it is given to the crew as `module:Class`.

  make a shard     dsbuilder/builder/shard_role.py
  measure records  dsbuilder/inspection/measure_role.py
  make a batch     dsbuilder/stream/batch_role.py

A fourth role goes beside its work in the same way, with a class of tasks that has what
`role.CrewTask` asks for. What crosses to a worker is plain data: a pipeline as
`dsbuilder/binding.py` writes it, tasks and results as JSON values. Pixels go through files, or
through slots of shared memory whose descriptors `Crew.run` takes along; nothing is pickled.
"""

from dsbuilder.workers.crew import Crew
from dsbuilder.workers.role import NO_ITEM, At, CrewTask, Role
from dsbuilder.workers.slot import Placed, Slot
from dsbuilder.workers.system import cores

__all__ = ["NO_ITEM", "At", "Crew", "CrewTask", "Placed", "Role", "Slot", "cores"]
