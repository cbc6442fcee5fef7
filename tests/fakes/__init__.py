"""The world in memory: one fake of each port, maintained like an adapter. Import them as `fakes.world` and so
on.

What they made can be counted (leftovers, duplicates), and any call can be made to fail.
"""
