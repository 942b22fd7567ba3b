/* netname.c: the client's calls of the name service. */
#include "os/mach/netname_internal.h"

enum kern_return netname_open(struct netname_user *u, struct mach_task *t)
{
    u->task = t;
    enum kern_return kr =
        mach_special_get(t, port_node(mach_task_port(t)), MACH_SPECIAL_NAMES, &u->server);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = mach_port_allocate(t, MACH_RIGHT_RECEIVE, &u->reply);
    if (kr != KERN_SUCCESS)
        (void)mach_port_deallocate(t, u->server);
    return kr;
}

void netname_close(struct netname_user *u)
{
    (void)mach_port_deallocate(u->task, u->server);
    (void)mach_port_mod_refs(u->task, u->reply, MACH_RIGHT_RECEIVE, -1);
}

static void string(struct mach_value *v, const char *s)
{
    size_t n = strlen(s);
    ASSERT_MSG(n <= NETNAME_BYTES, "a name is too long");
    rope_add_bytes(&v->data, s, n);
}

static void right(struct mach_value *v, mach_name name, enum mach_disposition d)
{
    v->name = name;
    v->disposition = d;
}

static int32_t call(const struct netname_user *u, uint32_t number, struct mach_value *in,
                    struct mach_value *out)
{
    mach_values_init(out, 1);
    int32_t r = mach_call(u->task, &netname_subsystem, number, u->server, u->reply, in, out);
    mach_values_fini(in, 3);
    return r;
}

int32_t netname_check_in(const struct netname_user *u, const char *name, mach_name signature,
                         enum mach_disposition signature_d, mach_name port,
                         enum mach_disposition port_d)
{
    struct mach_value in[3], out;
    mach_values_init(in, 3);
    string(&in[0], name);
    right(&in[1], signature, signature_d);
    right(&in[2], port, port_d);
    return call(u, NETNAME_CHECK_IN, in, &out);
}

int32_t netname_check_out(const struct netname_user *u, const char *name, mach_name signature,
                          enum mach_disposition d)
{
    struct mach_value in[3], out;
    mach_values_init(in, 3);
    string(&in[0], name);
    right(&in[1], signature, d);
    return call(u, NETNAME_CHECK_OUT, in, &out);
}

int32_t netname_look_up(const struct netname_user *u, const char *host, const char *name,
                        mach_name *port)
{
    struct mach_value in[3], out;
    mach_values_init(in, 3);
    string(&in[0], host);
    string(&in[1], name);
    int32_t r = call(u, NETNAME_LOOK_UP, in, &out);
    *port = r == KERN_SUCCESS ? out.name : MACH_PORT_NULL;
    if (r == KERN_SUCCESS && (*port == MACH_PORT_NULL || *port == MACH_PORT_DEAD))
        r = NETNAME_NOT_CHECKED_IN; /* it died on the way here */
    return r;
}

int32_t netname_version(const struct netname_user *u, char *version)
{
    struct mach_value in[3], out;
    mach_values_init(in, 3);
    int32_t r = call(u, NETNAME_VERSION, in, &out);
    if (r == KERN_SUCCESS)
        netname_text(&out.data, version);
    mach_values_fini(&out, 1);
    return r;
}
