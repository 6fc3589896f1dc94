"""A window that prints the keys pressed in it. Run as a process: `python pressed_window.py TITLE LEFT [pid]`."""

import os
import sys

from Xlib import X
from Xlib.display import Display

display = Display()
screen = display.screen()
window = screen.root.create_window(int(sys.argv[2]), 0, 200, 100, 0, screen.root_depth, event_mask=X.KeyPressMask)
window.set_wm_name(sys.argv[1])
if sys.argv[3:] == ["pid"]:
    window.change_property(display.intern_atom("_NET_WM_PID"), 6, 32, [os.getpid()])
window.map()
display.sync()
print("shown", flush=True)
while True:
    event = display.next_event()
    if event.type == X.KeyPress:
        print(display.keycode_to_keysym(event.detail, 0), flush=True)
