"""What users write: settings, roles, repositories and prompts, read and validated."""
