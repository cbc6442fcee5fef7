"""Runs waves: asyncio outside, blocking stage functions in worker threads.

runner.py is the process (signals, socket, exit); batch_runner.py the batch (waves, commands, stopping) with
gates.py, window_keeper.py, commanding.py and sampler.py beside it; vm_runner.py one VM; stage_run.py one run
of one stage as its function (stages/, by the contract of stage_contract.py) sees it. leases.py holds the
limits, recorder.py is the one door through which the state changes, ledger_writer.py writes outside effects.
control.py and attach.py are the two ends of the socket, wire.py what travels on it. resume.py tells where VMs
go on, undo.py removes what was made.
"""
