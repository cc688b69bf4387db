"""Where does it start? The command line, and the one place where the parts are wired."""
