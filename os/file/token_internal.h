/* token_internal.h: private to the layer TOKEN (token.h): what a node has of files, and what is
 * under way of that.
 *
 * One thing at a time is done below for a file besides requests (`busy`); in this order, when
 * several have to be:
 *
 *   VOIDING     the server's life has ended: what was for reading is forgotten, once no request is
 *               under way
 *   SAVING      its next life asks: what was written goes down, and the size is asked for
 *   REFRESHING  a range came: what layers below may have read of it before is forgotten
 *   SETTLING    a range is to be given back: what was written goes down, what is kept is forgotten
 */
#ifndef OS_FILE_TOKEN_INTERNAL_H
#define OS_FILE_TOKEN_INTERNAL_H

#include "os/file/token.h"
#include "os/xk/map.h"

struct token_kept;

struct token_peer {
    struct list link;
    uint32_t host;
    bool down;                      /* the node, as far as it is known */
    bool met;                       /* it has been heard of */
    uint64_t ends_seen;             /* of its lives, since then */
    struct select_request *recover; /* TOKEN_RECOVER, to be answered */
    uint64_t recover_at;
};

struct token {
    struct file_sys sys; /* first */
    struct xk_protl *rpc;
    uint32_t host; /* of the server; OS_NO_RANK: the node that has the file */
    struct list servers;
    sim_time retry_delay, timeout;
    /* The requests that wait end, those that need a token (`fail`), or go on as far as they can. */
    void (*go_on)(struct token_kept *f, bool fail);
    const struct token_protocol_ops *protocol;
    struct kind_choice chosen;
    struct xk_map map;  /* of files */
    struct list files;  /* those that a token was asked for; an entry stays: of stamps that came */
    struct list failed; /* requests that end as FILE_UNREACHABLE */
    struct list again;  /* calls */
    struct port_timer ends, calls, late;
    struct {
        uint64_t grants, recalls, waits, calls, lost, late;
    } counts;
};

enum token_busy { TOKEN_IDLE, TOKEN_SETTLING, TOKEN_REFRESHING, TOKEN_VOIDING, TOKEN_SAVING };

struct token_kept { /* what the node has of a file */
    struct list link;
    struct token *t;
    struct token_peer *s; /* of its tokens */
    uint64_t file;
    struct token_set has;
    uint64_t size, below;       /* the file is at least so long; and below, whatever caches have */
    bool asking;                /* for more, until that comes, */
    struct token_call_out *ask; /* by this one, until it is answered */
    uint64_t stamp;             /* of the last grant, */
    struct token_ranges came;   /* which were of that */
    uint32_t promised;          /* so many of the queue go before that is given back */
    struct list recalls;        /* recall.link: what is to be given back */
    struct list queue;          /* waits.link */
    struct list below_it;       /* waits.link: under way below, of those that need a token */
    struct token_range last;    /* that was read or written */
    struct token_set stale;     /* what came, and layers below may have read before */
    enum token_busy busy;       /* `hint` is under way below: */
    struct token_range range;   /* TOKEN_SETTLING: of this, */
    enum token_mode to;         /* down to that */
    bool is_void;               /* the server's life has ended */
    bool save;                  /* it propagates before it says what it has */
    bool gone;                  /* the file was removed */
    struct file_req hint;
    struct file_run *runs; /* of the hint */
    enum file_status late;
};

struct token_recall {
    struct list link;
    uint64_t stamp;
    enum token_mode may;
    struct token_range range;
};

struct token_waits { /* a request, until it has ended */
    struct list link;
    struct token *t;
    struct token_kept *f;
    struct file_req *r;
    enum token_mode need;
    struct token_range bytes;  /* that it spans, */
    struct token_ranges parts; /* and what it needs of them, as the protocol has it */
    sim_time since, waited;
    void (*done)(struct file_req *r); /* the caller's */
    void *arg;
};

/* Asks the server, or tells it: of ranges of the file. */
struct token_call_out *token_call_server(struct token_kept *f, enum token_call what,
                                         enum token_mode mode, const struct token_ranges *r);
/* Calls that could not be made are made again. */
void token_calls_again(struct port_timer *timer);
/* The server has granted a range. */
void token_granted(struct token_kept *f, const struct token_msg *m);
/* It asks for one. */
void token_recalled(struct token_kept *f, const struct token_msg *m);
/* The range goes down to that, when it can. */
void token_recall(struct token_kept *f, uint64_t stamp, enum token_mode may, struct token_range r);
/* What has to be done below before anything else goes there, or is given back. */
void token_next_hint(struct token_kept *f);
/* The server's next life asks what the node has, from its first file on. */
void token_recover(struct token *t, const struct token_peer *s);
/* It is answered, once nothing of its files is void or to be saved. */
void token_recover_answer(struct token *t, struct token_peer *s);

#endif
