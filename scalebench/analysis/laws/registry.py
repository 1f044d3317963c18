"""Which laws there are, in the order in which they are shown."""

from scalebench.analysis.laws import amdahl, gustafson, usl

LAWS = {law.name: law for law in (usl.LAW, amdahl.LAW, gustafson.LAW)}
