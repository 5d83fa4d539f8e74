# Builds a Gramine runtime; made by gsc.
FROM debian:12 AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      autoconf \
      bison \
      build-essential \
      ca-certificates \
      cmake \
      gawk \
      git \
      libprotobuf-c-dev \
      meson \
      nasm \
      ninja-build \
      pkg-config \
      protobuf-c-compiler \
      protobuf-compiler \
      python3 \
      python3-click \
      python3-cryptography \
      python3-jinja2 \
      python3-protobuf \
      python3-pyelftools \
      python3-tomli \
      python3-tomli-w \
      python3-voluptuous \
      wget \
 && if apt-cache show libsgx-dcap-quote-verify-dev >/dev/null 2>&1; then DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends libsgx-dcap-quote-verify-dev; fi \
 && rm -rf /var/lib/apt/lists/*
RUN git clone --quiet https://git.example.com/gramine.git /gramine \
 && { git -C /gramine -c advice.detachedHead=false checkout --quiet --detach 0123456789abcdef0123456789abcdef01234567 2>/dev/null || { git -C /gramine fetch --quiet origin 0123456789abcdef0123456789abcdef01234567 && git -C /gramine -c advice.detachedHead=false checkout --quiet --detach FETCH_HEAD; }; } \
 && git -C /gramine log -1 --oneline
COPY subprojects/ /gramine/subprojects/packagecache/
COPY patches/ /patches/
RUN python3 /patches/apply-patches.py /gramine /patches/1-linear-parse.c /patches/2-mine.patch
RUN : >/sgx-options \
 && if ! printf '#include <asm/sgx.h>\n' | cc -E - >/dev/null 2>&1; then mkdir -p /sgx/asm \
    && if [ -f /gramine/subprojects/packagecache/sgx.h ]; then cp /gramine/subprojects/packagecache/sgx.h /sgx/asm/sgx.h; else wget --quiet --timeout=30 -O /sgx/asm/sgx.h 'https://git.kernel.org/pub/scm/linux/kernel/git/stable/linux.git/plain/arch/x86/include/uapi/asm/sgx.h?h=v5.11'; fi \
    && echo 'a34a997ade42b61376b1c5d3d50f839fd28f2253fa047cb9c0e68a1b00477956  /sgx/asm/sgx.h' | sha256sum --check --quiet \
    && echo '-Dsgx_driver_include_path=/sgx' >/sgx-options; \
    fi
RUN cd /gramine \
 && if printf '#include <sgx_dcap_quoteverify.h>\n' | cc -E - >/dev/null 2>&1; then dcap=enabled; else dcap=disabled; fi \
 && meson setup build/ --prefix=/gramine/meson_build_output --buildtype=release \
      -Ddirect=enabled -Dsgx=enabled -Ddcap=$dcap $(cat /sgx-options) \
 && ninja -C build/ \
 && ninja -C build/ install
COPY collect-runtime.sh /collect-runtime.sh
RUN sh /collect-runtime.sh /gramine/meson_build_output /runtime strip

# The runtime alone, with the libraries of its loader.
FROM scratch
COPY --from=build /runtime/ /
