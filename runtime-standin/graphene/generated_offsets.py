# A stand-in for what Graphene's build makes of its headers.
SIGSTRUCT_BYTES = 1808
FLAGS = 928
XFRM = 936
MISC_MASK = 904
