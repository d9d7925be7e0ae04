"""Untrusted code and templates, run in children of a fork server under limits (architecture 10).

Worker's side: `fork_server_sandbox`, `server_process`, `exchange`, `isolation`, `shells`,
`file_view`, and `job`, which is all that callers see. Inside the shell: `namespace_shell` makes it,
`fork_server` serves, `fork` is one job in the `confinement` of `landlock`, `system_call_filter` and
limits, and `programs` are what it runs. Both sides: `frames`, `control`. What runs inside imports
nothing but the standard library.
"""
