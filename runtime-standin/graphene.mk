# The stand-in runtime (STAND-IN.md) as Graphene v1.1 builds its own: make SGX=1, then make. The results are links in
# Runtime/ to where they were built; the tool for launch tokens lies where Graphene's does.
#   cp graphene.mk Makefile
CC ?= cc
CFLAGS += -std=gnu11 -O2 -D_GNU_SOURCE -DGRAPHENE_RELEASE=11 $(if $(DEBUG),-g)
free = -shared -fPIC -ffreestanding -nostdlib -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none
common = report.c files.c sha256.c toml.c toml-scanner.c toml-value.c graphene/keys.c
sgx = Pal/src/host/Linux-SGX
libraries = ld-linux-x86-64.so.2 libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 librt.so.1

ifeq ($(SGX),1)
results = libpal-Linux-SGX.so pal-Linux-SGX
tools = $(sgx)/signer/pal-sgx-get-token $(sgx)/signer/aesm_pb2.py $(sgx)/generated_offsets.py
else
results = libpal-Linux.so pal-Linux
endif
all: $(addprefix Runtime/,libsysdb.so $(libraries) $(results)) $(tools)

Runtime/%: built/%
	@mkdir -p $(@D)
	ln -sf ../$< $@

# The driver's header must be where ISGX_DRIVER_PATH says, if it says anything.
built/pal-Linux-SGX: $(if $(ISGX_DRIVER_PATH),$(ISGX_DRIVER_PATH)/sgx_user.h)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $(common) graphene/sgx.c -lprotobuf-c

built/pal-Linux:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $(common) graphene/direct.c

built/libpal-%.so:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(free) -DPAL_KIND=$(if $(SGX),2,1) -Wl,-T,runtime/pal.lds -o $@ runtime/pal.c

built/%:
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(free) -Wl,-soname,$* -o $@ runtime/library.c

$(sgx)/signer/pal-sgx-get-token: graphene/get-token.py
	@mkdir -p $(@D)
	cp $< $@

$(sgx)/signer/aesm_pb2.py: graphene/aesm_pb2.py
	@mkdir -p $(@D)
	cp $< $@

$(sgx)/%.py: graphene/%.py
	@mkdir -p $(@D)
	cp $< $@

.SECONDARY:
