/* image.h: what is on the media of a device, as files of the host.
 *
 * A file is the bytes of one medium from its first on, with holes where nothing was written: of a
 * drive NAME.img, of a synchronised array NAME.data.img and NAME.parity.img, of an array of drives
 * those of its members.  NAME is the device's (blk_describe), with '-' for what a file's name does
 * not have.  What a write cache has above the media is lost, as when the power fails.
 */
#ifndef DISKS_IMAGE_H
#define DISKS_IMAGE_H

#include "disks/blkdev.h"

/* Writes the files of the device and of all below it into the folder, in the place of older ones.
 * False with a sentence. */
bool blk_image_save(const struct blkdev *d, const char *dir, struct err *e) MUST_CHECK;
/* The media get what the files have; those without a file stay blank.  Before the first request.
 * *found rises with each file.  False with a sentence. */
bool blk_image_load(const struct blkdev *d, const char *dir, uint32_t *found,
                    struct err *e) MUST_CHECK;

#endif
