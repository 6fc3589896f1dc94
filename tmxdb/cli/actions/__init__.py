"""What commands with a long body do. Each module belongs to the command of the same name in `cli/commands/`.

A command imports it when it is called, so that modules here import what they need at their top.
"""
