"""Every fixed limit on what comes from outside: the book's page *Bastidores* tells of them."""

KIB, MIB, GIB = 2**10, 2**20, 2**30

# Photos. Above it Pillow itself warns of a decompression bomb (Image.MAX_IMAGE_PIXELS).
MAX_PHOTO_PIXELS = 89_000_000
MAX_PHOTO_BYTES = 256 * MIB

# Downloads
CONNECT_SECONDS = 4
READ_SECONDS = 30
# All attempts together: a server that sends a little now and then never stalls.
MAX_DOWNLOAD_SECONDS = 7200
# What is waited before each new attempt.
WAIT_SECONDS = (1, 3)
MAX_DOWNLOAD_BYTES = 2 * GIB

# Zips of photos. Photos hardly shrink; only something made to harm unpacks to hundreds of times its size.
MAX_UNPACKED_BYTES = 20 * GIB
MAX_UNPACKED_FILES = 1_000_000
MAX_UNPACKED_RATIO = 100
RATIO_COUNTS_FROM_BYTES = 100 * MIB

# Checkpoints and weights
MAX_CHECKPOINT_BYTES = 2 * GIB
MAX_CHECKPOINT_TEXT_BYTES = 16 * MIB
MAX_IMAGE_SIZE = 4096

# Grading: what one submission may use. Enough for TensorFlow and the assignment.
MAX_NOTEBOOK_BYTES = 50 * MIB
GRADING_SECONDS = 600
# Of each process, and of all of them together.
MAX_GRADING_MEMORY_BYTES = 8 * GIB
MAX_GRADING_PROCESSES = 1024
MAX_GRADING_FILE_BYTES = GIB
# All that it writes, which lies in memory.
MAX_GRADING_DISK_BYTES = 2 * GIB
MAX_GRADING_SHARED_BYTES = 256 * MIB
# What it may say: which tests passed.
MAX_GRADING_REPORT_BYTES = 64 * KIB
