/* drive_params.c: the parameters of a tape drive; the defaults are an IBM 3480. */
#include "disks/tape/drive.h"

#define EXPERIMENT "ASSUMED(the experiment's choice)"

static const struct param buffer_params[] = {
    P_SIZE(tape_buffer_params, size, "2MB", "1B", "1TB", "Of the drive, in bytes as on the tape.",
           "IBM 3480 control unit [seismic-data-transcription.com, IBM 3480]"),
    P_REAL(tape_buffer_params, start, "1", "0", "1",
           "Writing starts when so much of it is full, or when it is to be written out; reading "
           "goes on when so much of it is empty.",
           "ASSUMED(as seldom as can be)"),
    P_BOOL(tape_buffer_params, read_ahead, "true", "A read goes on into the buffer.",
           "ASSUMED(buffered drives do)"),
    P_END,
};

static const struct param error_params[] = {
    P_REAL(tape_error_params, soft_read, "0", "0", "1",
           "Chance for each byte that the block is to be read once more.", EXPERIMENT),
    P_REAL(tape_error_params, soft_write, "0", "0", "1",
           "Chance for each byte that the block is to be written once more, further on.",
           EXPERIMENT),
    P_REAL(tape_error_params, hard, "0", "0", "1",
           "Chance for each byte that is read that the block is lost for good.", EXPERIMENT),
    P_INT(tape_error_params, retries, "10", "0", "100000", "Before a hard error is told.",
          "ASSUMED(drives tried a few to a few dozen times)"),
    P_REAL(tape_error_params, wear_passes, "0", "0", "1e12",
           "Passes of a cartridge after which its soft errors are twice as many; 0: never.",
           EXPERIMENT),
    P_END,
};

const struct param tape_params[] = {
    P_STRING(tape_params, kind, "tape", "What is built: a tape drive.", "none"),
    P_STRING(tape_params, model, "IBM 3480", "The drive's name in reports.", "none"),
    P_TABLE(tape_params, format, tape_format_params, "How its tapes are laid out."),
    P_TABLE(tape_params, buffer, buffer_params, "Its buffer."),
    P_TABLE(tape_params, errors, error_params, "What goes wrong."),
    P_TIME(
        tape_params, load, "9s", "0", "1h", "From the cartridge in its door to ready.",
        "IBM 3480: some 20 s with the mount in a silo [chilton-computing.org.uk, ccd/data/p002], "
        "less the 11 s of the mount [nscee.edu]"),
    P_TIME(tape_params, load_blank, "0", "0", "1h",
           "The same of a cartridge that holds nothing; 0: the same.", "ASSUMED(the same)"),
    P_TIME(tape_params, unload, "5s", "0", "1h", "After rewinding, until it can be taken out.",
           "ASSUMED(half of loading)"),
    P_TIME(tape_params, hitch, "150ms", "0", "1h",
           "From a stop until it may roll on: stop, back up, and up to speed.",
           "ASSUMED(3480: 0.1 to 0.2 s, from memory)"),
    P_TIME(tape_params, command, "1ms", "0", "1s", "Command processing when the tape stands.",
           "ASSUMED(as an EXB-8505)"),
    P_TIME(tape_params, command_streaming, "1ms", "0", "1s", "The same while it rolls.",
           "ASSUMED(the same)"),
    P_RATE(tape_params, interface, "4500kB/s", "0", "100GB/s",
           "The drive's own limit over the bus; 0: the bus's.",
           "IBM 3480 [seismic-data-transcription.com, IBM 3480]"),
    P_SIZE(tape_params, largest, "65535B", "1B", "1GiB", "Block.", "IBM 3480 channel programs"),
    P_SIZE(tape_params, early_warning, "3MB", "0B", "1TB",
           "Bytes of track before the end from which on no block is taken.",
           "ASSUMED(what is in the buffer must find room)"),
    P_REAL(tape_params, compression, "1", "1", "1000", "Bytes of the host to a byte on the tape.",
           "1: none"),
    P_BOOL(tape_params, mark_flushes, "true", "A mark is done when it is on the tape.",
           "SCSI-2 WRITE FILEMARKS without the immediate bit"),
    P_STRING(tape_params, cartridge, "SCRATCH",
             "Label of the cartridge that is loaded from the start; \"\": the drive is empty.",
             "none"),
    P_TABLE(tape_params, bus, scsi_params, "The drive's own bus, when it is on no other."),
    P_END,
};
