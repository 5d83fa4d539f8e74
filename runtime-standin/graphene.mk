# The stand-in runtime (STAND-IN.md) as Graphene v1.1 and v1.2-rc1 build theirs: make SGX=1, then make. The results are
# links in Runtime/ to where they were built.
#   cp graphene.mk Makefile
CC ?= cc
CFLAGS += -std=gnu11 -O2 -D_GNU_SOURCE $(if $(DEBUG),-g)
free = -shared -fPIC -ffreestanding -nostdlib -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
common = report.c files.c sha256.c toml.c toml-scanner.c toml-value.c
libraries = ld-linux-x86-64.so.2 libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 librt.so.1

ifeq ($(SGX),1)
results = libpal-Linux-SGX.so pal-Linux-SGX
else
results = libpal-Linux.so pal-Linux
endif
all: $(addprefix Runtime/,libsysdb.so $(libraries) $(results))

Runtime/%: built/%
	@mkdir -p $(@D)
	ln -sf ../$< $@

# The driver's header must be where ISGX_DRIVER_PATH says, if it says anything.
built/pal-Linux-SGX: $(if $(ISGX_DRIVER_PATH),$(ISGX_DRIVER_PATH)/sgx_user.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ report.c files.c sgx/main.c -lprotobuf-c

built/pal-Linux:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $(common) $(wildcard direct/*.c)

built/libpal-%.so:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(free) -DPAL_KIND=$(if $(SGX),2,1) -Wl,-T,runtime/pal.lds -o $@ runtime/pal.c

built/%:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(free) -Wl,-soname,$* -o $@ runtime/library.c

.SECONDARY:
