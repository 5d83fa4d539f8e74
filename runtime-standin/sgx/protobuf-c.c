/* Stands for libprotobuf-c.so.1, which the SGX loader is linked with. */

const char *protobuf_c_version(void);

const char *protobuf_c_version(void) {
    return "stand-in";
}
