"""Numbers of the system calls that forks of the sandbox may not make, by processor family.

A call that a family never had stands there without a number. Sources: the kernel's
`arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Numbers(NamedTuple):
    """One call's number on each family; None where it does not exist."""

    x86_64: int | None
    aarch64: int | None


FIRST_UNKNOWN = 457
"""From here on calls are newer than this list, on both families: treated as not implemented."""

PROCESSES: Mapping[str, Numbers] = {
    "fork": Numbers(57, None),
    "vfork": Numbers(58, None),
}
"""New processes, besides `CLONE`: a job is one process."""

PROGRAMS: Mapping[str, Numbers] = {
    "execve": Numbers(59, 221),
    "execveat": Numbers(322, 281),
}
"""Other programs."""

OTHER_PROCESSES: Mapping[str, Numbers] = {
    "ptrace": Numbers(101, 117),
    "process_vm_readv": Numbers(310, 270),
    "process_vm_writev": Numbers(311, 271),
    "kcmp": Numbers(312, 272),
    "pidfd_open": Numbers(434, 434),
    "pidfd_getfd": Numbers(438, 438),
    "pidfd_send_signal": Numbers(424, 424),
    "process_madvise": Numbers(440, 440),
    "process_mrelease": Numbers(448, 448),
    "tkill": Numbers(200, 130),
    "getpriority": Numbers(140, 141),
    "setpriority": Numbers(141, 140),
    "ioprio_set": Numbers(251, 30),
    "migrate_pages": Numbers(256, 238),
    "move_pages": Numbers(279, 239),
}
"""Reaching into another process; `SELF_ONLY` has those that are needed for one's own."""

SHARED_OBJECTS: Mapping[str, Numbers] = {
    "shmget": Numbers(29, 194),
    "shmat": Numbers(30, 196),
    "shmctl": Numbers(31, 195),
    "semget": Numbers(64, 190),
    "semop": Numbers(65, 193),
    "semctl": Numbers(66, 191),
    "semtimedop": Numbers(220, 192),
    "msgget": Numbers(68, 186),
    "msgsnd": Numbers(69, 189),
    "msgrcv": Numbers(70, 188),
    "msgctl": Numbers(71, 187),
    "mq_open": Numbers(240, 180),
    "mq_unlink": Numbers(241, 181),
    "add_key": Numbers(248, 217),
    "request_key": Numbers(249, 218),
    "keyctl": Numbers(250, 219),
    "inotify_init": Numbers(253, None),
    "inotify_init1": Numbers(294, 26),
    "fanotify_init": Numbers(300, 262),
}
"""Memory, queues, keys and watches that two jobs of one user could share."""

UNCOUNTED_MEMORY: Mapping[str, Numbers] = {
    "memfd_create": Numbers(319, 279),
    "memfd_secret": Numbers(447, 447),
    "io_setup": Numbers(206, 0),
}
"""Memory, and places in a queue of the whole machine, that no limit of a process counts."""

KERNEL: Mapping[str, Numbers] = {
    "unshare": Numbers(272, 97),
    "setns": Numbers(308, 268),
    "mount": Numbers(165, 40),
    "umount2": Numbers(166, 39),
    "pivot_root": Numbers(155, 41),
    "chroot": Numbers(161, 51),
    "open_tree": Numbers(428, 428),
    "move_mount": Numbers(429, 429),
    "fsopen": Numbers(430, 430),
    "fsconfig": Numbers(431, 431),
    "fsmount": Numbers(432, 432),
    "fspick": Numbers(433, 433),
    "mount_setattr": Numbers(442, 442),
    "bpf": Numbers(321, 280),
    "perf_event_open": Numbers(298, 241),
    "userfaultfd": Numbers(323, 282),
    "io_uring_setup": Numbers(425, 425),
    "io_uring_enter": Numbers(426, 426),
    "io_uring_register": Numbers(427, 427),
    "kexec_load": Numbers(246, 104),
    "kexec_file_load": Numbers(320, 294),
    "init_module": Numbers(175, 105),
    "finit_module": Numbers(313, 273),
    "delete_module": Numbers(176, 106),
    "reboot": Numbers(169, 142),
    "swapon": Numbers(167, 224),
    "swapoff": Numbers(168, 225),
    "acct": Numbers(163, 89),
    "quotactl": Numbers(179, 60),
    "quotactl_fd": Numbers(443, 443),
    "syslog": Numbers(103, 116),
    "name_to_handle_at": Numbers(303, 264),
    "open_by_handle_at": Numbers(304, 265),
    "lookup_dcookie": Numbers(212, 18),
    "iopl": Numbers(172, None),
    "ioperm": Numbers(173, None),
    "modify_ldt": Numbers(154, None),
    "vhangup": Numbers(153, 58),
    "settimeofday": Numbers(164, 170),
    "clock_settime": Numbers(227, 112),
    "clock_adjtime": Numbers(305, 266),
    "adjtimex": Numbers(159, 171),
    "sethostname": Numbers(170, 161),
    "setdomainname": Numbers(171, 162),
    "personality": Numbers(135, 92),
    "vmsplice": Numbers(278, 75),
    "mknod": Numbers(133, None),
    "mknodat": Numbers(259, 33),
}
"""Parts of the kernel that no code node needs."""

METADATA: Mapping[str, Numbers] = {
    "chmod": Numbers(90, None),
    "fchmod": Numbers(91, 52),
    "fchmodat": Numbers(268, 53),
    "fchmodat2": Numbers(452, 452),
    "chown": Numbers(92, None),
    "fchown": Numbers(93, 55),
    "lchown": Numbers(94, None),
    "fchownat": Numbers(260, 54),
    "utime": Numbers(132, None),
    "utimes": Numbers(235, None),
    "futimesat": Numbers(261, None),
    "utimensat": Numbers(280, 88),
    "setxattr": Numbers(188, 5),
    "lsetxattr": Numbers(189, 6),
    "fsetxattr": Numbers(190, 7),
    "removexattr": Numbers(197, 14),
    "lremovexattr": Numbers(198, 15),
    "fremovexattr": Numbers(199, 16),
}
"""Changes that Landlock does not govern."""

SOCKETS: Mapping[str, Numbers] = {
    "bind": Numbers(49, 200),
    "connect": Numbers(42, 203),
    "listen": Numbers(50, 201),
    "accept": Numbers(43, 202),
    "accept4": Numbers(288, 242),
}
"""What a socket needs to reach another one; needless without network."""

SELF_ONLY: Mapping[str, Numbers] = {
    "kill": Numbers(62, 129),
    "tgkill": Numbers(234, 131),
    "rt_sigqueueinfo": Numbers(129, 138),
    "rt_tgsigqueueinfo": Numbers(297, 240),
    "prlimit64": Numbers(302, 261),
    "getpgid": Numbers(121, 155),
    "getsid": Numbers(124, 156),
    "get_robust_list": Numbers(274, 100),
    "sched_getaffinity": Numbers(204, 123),
    "sched_getattr": Numbers(315, 275),
    "sched_getparam": Numbers(143, 121),
    "sched_getscheduler": Numbers(145, 120),
    "sched_setaffinity": Numbers(203, 122),
    "sched_setscheduler": Numbers(144, 119),
    "sched_setparam": Numbers(142, 118),
    "sched_setattr": Numbers(314, 274),
}
"""Allowed if the first argument is the process itself."""

CLONE = Numbers(56, 220)
CLONE3 = Numbers(435, 435)
FCNTL = Numbers(72, 25)
IOCTL = Numbers(16, 29)
PRCTL = Numbers(157, 167)
SOCKET = Numbers(41, 198)
SOCKETPAIR = Numbers(53, 199)
