/* store_tree.c: the trees of versions, and free space.
 *
 * A tree is a root; a node of level l stands for 16^(l+1) blocks.  A block goes behind that which
 * is before it in the object, else to the first free place; but the first of a leaf goes to 16 free
 * ones, where there are any: so objects that grow by turns lie in stretches of 16 blocks.
 */
#include "os/vesta/store_internal.h"

static uint32_t slot_of(uint32_t blk, uint8_t level)
{
    return blk >> (4 * level) & (VST_FAN - 1);
}

static bool spans(const struct vst_node *n, uint32_t blk)
{
    return n->level + 1u >= VST_LEVELS || blk >> (4 * (n->level + 1)) == 0;
}

static const struct vst_node *leaf_of(const struct vst_node *n, uint32_t blk)
{
    if (n == NULL || !spans(n, blk))
        return NULL;
    while (n != NULL && n->level > 0)
        n = n->kid[slot_of(blk, n->level)];
    return n;
}

uint32_t vst_lookup(const struct vst_node *root, uint32_t blk)
{
    const struct vst_node *n = leaf_of(root, blk);
    return n != NULL ? n->dev[slot_of(blk, 0)] : 0;
}

/* ---- free space ---- */

static void limbo_add(struct vst_file *f, struct vst_gone x)
{
    if (f->limbo_count == f->limbo_room) {
        f->limbo_room = f->limbo_room == 0 ? 16 : 2 * f->limbo_room;
        f->limbo = port_realloc(f->vs->port, f->limbo, f->limbo_room * sizeof *f->limbo);
    }
    f->limbo[f->limbo_count++] = x;
}

void vst_limbo_release(struct vst_file *f)
{
    struct vst *vs = f->vs;
    for (uint32_t i = 0; i < f->limbo_count; i++) {
        struct vst_gone x = f->limbo[i];
        uint8_t *refs = x.node ? &vs->node_refs[x.at] : &vs->block_refs[x.at];
        struct block *b = x.node ? NULL : vst_buf_find(vs, x.at);
        if (b != NULL)
            vst_buf_clean(vs, b);
        ASSERT(*refs == 1); /* VSOI1, VSOI3 */
        *refs = 0;
        if (x.node)
            vs->free_nodes++;
        else
            vs->free_blocks++;
    }
    f->limbo_count = 0;
}

/* The reference goes, or becomes the limbo's (VSOI3). */
void vst_drop_block(struct vst_file *f, uint32_t dev)
{
    struct vst *vs = f->vs;
    ASSERT(vs->block_refs[dev] > 0);
    if (vs->block_refs[dev] > 1) {
        vs->block_refs[dev]--;
        return;
    }
    struct block *b = vst_buf_find(vs, dev);
    if (b != NULL)
        vst_buf_clean(vs, b);
    limbo_add(f, (struct vst_gone){ .at = dev });
}

static void take_ref(uint8_t *refs)
{
    ASSERT(*refs < UINT8_MAX);
    (*refs)++;
}

static uint32_t take_block(struct vst_file *f, uint32_t blk)
{
    struct vst *vs = f->vs;
    uint32_t goal = blk % VST_FAN > 0 ? vst_lookup(f->version[0].root, blk - 1) + 1 : 0;
    uint32_t dev = 0, any = 0;
    if (goal > 1 && goal < vs->super.blocks && vs->block_refs[goal] == 0)
        dev = goal;
    for (uint32_t at = vs->first_data, run = 0; dev == 0 && at < vs->super.blocks; at++) {
        run = vs->block_refs[at] > 0 ? 0 : at % VST_FAN == 0 ? 1 : run > 0 ? run + 1 : 0;
        if (vs->block_refs[at] == 0 && any == 0)
            any = at;
        if (run == VST_FAN)
            dev = at + 1 - VST_FAN;
        if (goal > 0)
            dev = any;
    }
    dev = dev != 0 ? dev : any;
    ASSERT(dev != 0); /* vst_fits */
    vs->block_refs[dev] = 1;
    vs->free_blocks--;
    return dev;
}

/* ---- nodes ---- */

struct vst_node *vst_node_new(struct vst *vs, uint32_t at, uint8_t level)
{
    struct vst_node *n = port_alloc(vs->port, sizeof *n);
    ASSERT(vs->node_refs[at] == 0);
    n->at = at;
    n->level = level;
    vs->node_refs[at] = 1;
    vs->free_nodes--;
    return n;
}

static struct vst_node *node_make(struct vst *vs, uint8_t level)
{
    ASSERT(vs->free_nodes > 0); /* vst_fits */
    while (vs->node_refs[vs->next_node] > 0)
        vs->next_node = vs->next_node % vs->super.nodes + 1;
    return vst_node_new(vs, vs->next_node, level);
}

static void node_drop(struct vst_file *f, struct vst_node *n)
{
    struct vst *vs = f->vs;
    if (n == NULL || vs->node_refs[n->at] > 1) {
        if (n != NULL)
            vs->node_refs[n->at]--;
        return;
    }
    for (uint32_t i = 0; i < VST_FAN; i++)
        if (n->level > 0)
            node_drop(f, n->kid[i]);
        else if (n->dev[i] != 0)
            vst_drop_block(f, n->dev[i]);
    limbo_add(f, (struct vst_gone){ .at = n->at, .node = true });
    port_free(vs->port, n);
}

/* The node at *p may be changed afterwards: it is, or is made, or becomes a copy (VSOI2). */
static struct vst_node *make_private(struct vst_file *f, struct vst_node **p, uint8_t level)
{
    struct vst *vs = f->vs;
    struct vst_node *n = *p, *copy;
    if (n == NULL)
        return *p = node_make(vs, level);
    if (!n->stored && vs->node_refs[n->at] == 1)
        return n;
    copy = node_make(vs, level);
    for (uint32_t i = 0; i < VST_FAN; i++)
        if (level > 0 && n->kid[i] != NULL) {
            copy->kid[i] = n->kid[i];
            take_ref(&vs->node_refs[n->kid[i]->at]);
        } else if (level == 0 && n->dev[i] != 0) {
            copy->dev[i] = n->dev[i];
            take_ref(&vs->block_refs[n->dev[i]]);
        }
    node_drop(f, n);
    return *p = copy;
}

/* The leaf of the block in the current version, which may be changed. */
static struct vst_node *leaf_for(struct vst_file *f, uint32_t blk)
{
    struct vst_node **p = &f->version[0].root;
    struct vst_node *root = *p;
    uint8_t level = root != NULL ? root->level : 0;
    for (; level + 1u < VST_LEVELS && blk >> (4 * (level + 1)) > 0; level++)
        if (root != NULL) {
            root = node_make(f->vs, (uint8_t)(level + 1));
            root->kid[0] = *p;
            *p = root;
        }
    struct vst_node *n = make_private(f, p, level);
    for (; level > 0; level--)
        n = make_private(f, &n->kid[slot_of(blk, level)], (uint8_t)(level - 1));
    return n;
}

bool vst_is_fresh(const struct vst_file *f, uint32_t blk)
{
    const struct vst_node *n = f->version[0].root;
    if (n == NULL || !spans(n, blk))
        return false;
    for (; n != NULL; n = n->kid[slot_of(blk, n->level)]) {
        if (n->stored || f->vs->node_refs[n->at] > 1)
            return false;
        if (n->level == 0)
            return n->fresh >> slot_of(blk, 0) & 1;
    }
    return false;
}

bool vst_fits(const struct vst_file *f, uint32_t from, uint32_t to, uint32_t need)
{
    uint64_t nodes = VST_LEVELS; /* new roots */
    for (uint32_t l = 1; l <= VST_LEVELS; l++)
        nodes += ((uint64_t)(to - 1) >> (4 * l)) - ((uint64_t)from >> (4 * l)) + 1;
    return need <= f->vs->free_blocks && (need == 0 || nodes <= f->vs->free_nodes);
}

uint32_t vst_own(struct vst_file *f, uint32_t blk, uint32_t *old)
{
    struct vst_node *n = leaf_for(f, blk);
    uint32_t i = slot_of(blk, 0);
    *old = 0;
    if (n->fresh >> i & 1)
        return n->dev[i];
    *old = n->dev[i]; /* the leaf's reference is now the holder's */
    f->vs->counts.blocks_copied += *old != 0;
    n->dev[i] = 0;
    n->dev[i] = take_block(f, blk);
    ASSERT(!n->stored); /* VSOI2 */
    n->fresh |= (uint16_t)(1u << i);
    return n->dev[i];
}

void vst_disown(struct vst_file *f, uint32_t blk, uint32_t old)
{
    struct vst_node *n = leaf_for(f, blk);
    uint32_t i = slot_of(blk, 0);
    vst_drop_block(f, n->dev[i]);
    n->dev[i] = old;
    n->fresh &= (uint16_t) ~(1u << i);
}

/* What of a subtree that begins at block `base` lies at or behind `from` goes; true when nothing is
 * left of it. */
static bool cut_node(struct vst_file *f, struct vst_node **p, uint32_t base, uint32_t from)
{
    struct vst_node *n = *p;
    uint32_t level = n->level;
    bool empty = true;
    if (base >= from) {
        node_drop(f, n);
        *p = NULL;
        return true;
    }
    if ((uint64_t)base + (UINT64_C(1) << (4 * (level + 1))) <= from)
        return false;
    n = make_private(f, p, (uint8_t)level);
    for (uint32_t i = 0; i < VST_FAN; i++) {
        uint32_t at = base + (i << (4 * level));
        if (level > 0 && n->kid[i] != NULL) {
            empty = cut_node(f, &n->kid[i], at, from) && empty;
        } else if (level == 0 && n->dev[i] != 0 && at >= from) {
            vst_drop_block(f, n->dev[i]);
            n->dev[i] = 0;
            n->fresh &= (uint16_t) ~(1u << i);
        } else if (level == 0 && n->dev[i] != 0) {
            empty = false;
        }
    }
    if (empty) {
        node_drop(f, n);
        *p = NULL;
    }
    return empty;
}

void vst_cut(struct vst_file *f, uint32_t from)
{
    if (f->version[0].root != NULL)
        (void)cut_node(f, &f->version[0].root, 0, from);
}

void vst_version_share(struct vst *vs, struct vst_version *to, const struct vst_version *from)
{
    to->size = from->size;
    to->root = from->root;
    if (to->root != NULL)
        take_ref(&vs->node_refs[to->root->at]);
}

void vst_version_drop(struct vst_file *f, struct vst_version *v)
{
    node_drop(f, v->root);
    *v = (struct vst_version){ .number = 0 };
}
