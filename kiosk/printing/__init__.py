"""The ticket on paper: what stands on it, how it is drawn, how it reaches the printer.

Pure but for the doors (`escpos_door`, `lines`, `serial_line`, `cups_door`), which `spool` opens. Must not import Flask;
only `serial_line` imports a device library.
"""
