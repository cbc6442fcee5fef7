"""From a plan file to what will run, when, where and at what cost."""
