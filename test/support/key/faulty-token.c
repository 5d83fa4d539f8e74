/*
 * A PKCS#11 library in front of another one (TOKEN_MODULE), which lets a fault happen (TOKEN_FAULT): "removed" in the middle of a
 * signing, "locked" at the login, "final-try" after a wrong PIN, "no-hash": the token signs a hash only.
 * The list of functions is that of PKCS#11 2.40, 5.2; only the places of some are used.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long ulong;
typedef ulong (*call4)(ulong, ulong, void *, ulong);
typedef ulong (*call5)(ulong, void *, ulong, void *, ulong *);
typedef ulong (*call2)(ulong, void *);
typedef ulong (*call3)(ulong, ulong *, ulong *);

enum { GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, LOGIN = 18, SIGN = 43, FUNCTIONS = 68 };
enum { DEVICE_REMOVED = 0x32, PIN_LOCKED = 0xa4, FINAL_TRY = 0x20000, SHA256_RSA_PKCS = 0x40, FLAGS_AT = 96 };

struct functions {
  ulong version;
  void *call[FUNCTIONS];
};

static struct functions *real;
static struct functions own;

static int fault(const char *name) {
  const char *wanted = getenv("TOKEN_FAULT");
  return wanted && strcmp(wanted, name) == 0;
}

static ulong token_info(ulong slot, void *info) {
  ulong code = ((call2)real->call[GET_TOKEN_INFO])(slot, info);
  if (fault("final-try")) {
    ulong flags;
    memcpy(&flags, (char *)info + FLAGS_AT, sizeof flags);
    flags |= FINAL_TRY;
    memcpy((char *)info + FLAGS_AT, &flags, sizeof flags);
  }
  return code;
}

static ulong mechanism_list(ulong slot, ulong *list, ulong *count) {
  ulong code = ((call3)real->call[GET_MECHANISM_LIST])(slot, list, count);
  for (ulong index = 0; list && fault("no-hash") && index < *count; index++)
    if (list[index] == SHA256_RSA_PKCS) list[index] = 1;
  return code;
}

static ulong login(ulong session, ulong user, void *pin, ulong length) {
  return fault("locked") ? PIN_LOCKED : ((call4)real->call[LOGIN])(session, user, pin, length);
}

static ulong sign(ulong session, void *data, ulong length, void *signature, ulong *size) {
  return fault("removed") ? DEVICE_REMOVED : ((call5)real->call[SIGN])(session, data, length, signature, size);
}

ulong C_GetFunctionList(void **list) {
  void *library = dlopen(getenv("TOKEN_MODULE"), RTLD_NOW);
  if (!library) return 5;
  ulong (*get)(struct functions **) = (ulong(*)(struct functions **))dlsym(library, "C_GetFunctionList");
  ulong code = get(&real);
  own = *real;
  own.call[GET_TOKEN_INFO] = (void *)token_info;
  own.call[GET_MECHANISM_LIST] = (void *)mechanism_list;
  own.call[LOGIN] = (void *)login;
  own.call[SIGN] = (void *)sign;
  *list = &own;
  return code;
}
