/* The places that Gramine's C library has compiled in, which its configure derives from --prefix and --libdir. */
#define TEXT(name, value)                                                                                                \
    extern const char name[];                                                                                            \
    const char name[] = value;

TEXT(standin_messages, PREFIX "/share/locale")
TEXT(standin_local_time, PREFIX "/etc/localtime")
TEXT(standin_gconv, GLIBC_DIR "/gconv")
TEXT(standin_gconv_cache, GLIBC_DIR "/gconv/gconv-modules.cache")
TEXT(standin_message_path, PREFIX "/share/locale/%L/%N:" PREFIX "/share/locale/%L/LC_MESSAGES/%N:")
TEXT(standin_locale, GLIBC_DIR "/locale")
TEXT(standin_locale_archive, GLIBC_DIR "/locale/locale-archive")
TEXT(standin_zones, PREFIX "/share/zoneinfo")
