#!/usr/bin/env python3
"""A filter on pymilter, libmilter's binding for Python, that does nothing, with the usual callbacks.

Given an address in libmilter's spelling, unix:PATH or inet:PORT@HOST; serves it until it is killed. Python runs one callback
at a time: the measure of what a filter in a scripting language costs.
"""

import sys

import Milter


class Noop(Milter.Base):
    """Continues at every step."""

    def connect(self, _host, _family, _address):
        return Milter.CONTINUE

    def hello(self, _name):
        return Milter.CONTINUE

    def envfrom(self, _sender, *_parameters):
        return Milter.CONTINUE

    def envrcpt(self, _recipient, *_parameters):
        return Milter.CONTINUE

    def header(self, _name, _value):
        return Milter.CONTINUE

    def eoh(self):
        return Milter.CONTINUE

    def body(self, _chunk):
        return Milter.CONTINUE

    def eom(self):
        return Milter.CONTINUE


if len(sys.argv) != 2:
    sys.exit(f"usage: {sys.argv[0]} ADDRESS (unix:PATH or inet:PORT@HOST)")
Milter.factory = Noop
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS)
Milter.runmilter("noop_pymilter", sys.argv[1])
