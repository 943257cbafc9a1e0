"""Who may look at board and alerts, and who may change something: sign-in, roles, sessions."""
