/*
 * The callbacks that a filter usually has, each of which continues: what the milter manual's sample registers.
 */
#include "noop.h"
#include <sys/socket.h>

static sfsistat on_connect(SMFICTX *context, char *host, _SOCK_ADDR *address)
{
    (void)context, (void)host, (void)address;
    return SMFIS_CONTINUE;
}

static sfsistat on_text(SMFICTX *context, char *text)
{
    (void)context, (void)text;
    return SMFIS_CONTINUE;
}

static sfsistat on_envelope(SMFICTX *context, char **arguments)
{
    (void)context, (void)arguments;
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
    (void)context, (void)name, (void)value;
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *context, unsigned char *chunk, size_t length)
{
    (void)context, (void)chunk, (void)length;
    return SMFIS_CONTINUE;
}

static sfsistat on_event(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

/* A description with all of them; a filter replaces what it wants. */
static struct smfiDesc usual(char *name)
{
    struct smfiDesc filter = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_text,
        .xxfi_envfrom = on_envelope,
        .xxfi_envrcpt = on_envelope,
        .xxfi_data = on_event,
        .xxfi_header = on_header,
        .xxfi_eoh = on_event,
        .xxfi_body = on_body,
        .xxfi_eom = on_event,
        .xxfi_abort = on_event,
        .xxfi_close = on_event,
    };
    return filter;
}
