# Builds a Graphene runtime; made by gsc.
FROM ubuntu:18.04 AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
      autoconf \
      bison \
      build-essential \
      ca-certificates \
      coreutils \
      gawk \
      git \
      libcurl4-openssl-dev \
      libprotobuf-c-dev \
      protobuf-c-compiler \
      python3 \
      python3-pip \
      python3-protobuf \
      wget \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m pip install --no-cache-dir \
      'toml>=0.10'
ENV ISGX_DRIVER_PATH=""
RUN git clone --quiet https://git.example.com/graphene.git /graphene \
 && { git -C /graphene -c advice.detachedHead=false checkout --quiet --detach 0123456789abcdef0123456789abcdef01234567 2>/dev/null || { git -C /graphene fetch --quiet origin 0123456789abcdef0123456789abcdef01234567 && git -C /graphene -c advice.detachedHead=false checkout --quiet --detach FETCH_HEAD; }; } \
 && git -C /graphene log -1 --oneline \
 && if [ -f /graphene/.gitmodules ]; then git -C /graphene submodule --quiet update --init; fi
COPY subprojects/ /graphene/LibOS/
RUN make -C /graphene -s -j"$(nproc)" WERROR=1 SGX=1 </dev/null \
 && make -C /graphene -s -j"$(nproc)" WERROR=1 </dev/null
COPY collect-runtime.sh /collect-runtime.sh
RUN sh /collect-runtime.sh /graphene/Runtime /runtime strip

# The runtime alone, with the libraries of its loader.
FROM scratch
COPY --from=build /runtime/ /
