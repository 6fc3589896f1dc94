"""The games of one worker: how they are reached, what each one holds, and which thread uses which."""
