"""The one place where the parts are wired.

`start` brings the house up on a Ray cluster; the other modules say, one for each process, what
that process stands on. Their factories are passed to the process by name with the house's
addresses and run inside it, so each process imports only what it needs: nothing is imported here.
"""
