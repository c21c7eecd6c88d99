"""The system calls that a trial may not make, as a program of the kernel's packet filter.

Namespaces hide the machine from a trial, not the kernel, which is the machine's own. So a trial
does without what no honest program in a sandbox needs, as in a container: what namespaces do
not hide, what an administrator does, and what kernels were broken through most often.

Does not know who loads the program: bubblewrap does (`--seccomp`), and a harness's trial does
(`inside/namespaces.py`). docs/threat-model.md shows the tables of this module.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import errno
import platform
import struct
from functools import cache
from itertools import groupby
from typing import Literal, NamedTuple

from system_calls.tables import arm64, x86_64

from autoagent.errors import InfrastructureFault

Who = Literal["task", "harness", "image"]
"""`image`: a task's commands over an image that has a system of its own."""


class RefusedCalls(NamedTuple):
    """Calls that fail whatever their arguments.

    Attributes:
        why: The reason, for the documentation.
        calls: Their names, separated by spaces; an architecture need not have them all.
        error: What they fail with; with 0 they do nothing, and say that it is done.
        whom: Whose calls they are.
    """

    why: str
    calls: str
    error: int = errno.EPERM
    whom: tuple[Who, ...] = ("task", "harness", "image")


class CheckedCalls(NamedTuple):
    """Calls that fail by the low half of one argument; the kernel ignores the other half too.

    Attributes:
        why, calls, error: As of `RefusedCalls`; every architecture has them all.
        argument: Which one, from 0.
        fails: How it is compared.
        values: What it is compared with, by name.
    """

    why: str
    calls: str
    argument: int
    fails: Literal["with a bit of", "with one of", "with other than"]
    values: dict[str, int]
    error: int = errno.EPERM


# A library that has another way tries it after ENOSYS; EPERM ends the matter.
REFUSED = (
    RefusedCalls(
        "keyrings, which processes inherit and no namespace hides",
        "add_key keyctl request_key",
    ),
    RefusedCalls(
        "a machine's administrator: its kernel, its clock, its log, its disks, its names",
        "acct clock_settime delete_module finit_module init_module ioperm iopl "
        "kexec_file_load kexec_load quotactl quotactl_fd reboot setdomainname sethostname "
        "settimeofday swapoff swapon syslog vhangup",
    ),
    # A trial has no capability for most of these: they are refused so that it never matters.
    RefusedCalls(
        "mounts and roots: what is closed or read-only stays so",
        "chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree "
        "open_tree_attr pivot_root umount2",
    ),
    RefusedCalls(
        "namespaces: whoever is root in a new one is let into most of the kernel", "setns unshare"
    ),
    RefusedCalls(
        "programs and probes in the kernel, and page faults that stop it midway",
        "bpf perf_event_open userfaultfd",
    ),
    RefusedCalls(
        "files past the mounts that hide them: by handle, or by watching a file system",
        "fanotify_init open_by_handle_at",
    ),
    RefusedCalls("another process's descriptors and pages", "kcmp pidfd_getfd process_madvise"),
    RefusedCalls(
        "another process's memory: tasks may need a debugger, a harness does not",
        "process_vm_readv process_vm_writev ptrace",
        whom=("harness",),
    ),
    RefusedCalls(
        "other owners of files: an image's packages give files to users that are not there, as "
        "root of one namespace with one user cannot",
        "chown fchown fchownat lchown",
        0,
        whom=("image",),
    ),
    RefusedCalls(
        "which of the machine's memory is whose",
        "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node",
    ),
    RefusedCalls(
        "a queue of calls that no filter sees",
        "io_uring_enter io_uring_register io_uring_setup",
        errno.ENOSYS,
    ),
    RefusedCalls(
        "`clone` with its flags in memory, where no filter sees them", "clone3", errno.ENOSYS
    ),
    RefusedCalls(
        "young calls for what /proc shows, or closes",
        "listmount listns lsm_get_self_attr lsm_list_modules lsm_set_self_attr statmount",
        errno.ENOSYS,
    ),
    RefusedCalls(
        "calls of another time, which newer kernels leave out",
        "lookup_dcookie modify_ldt sysfs ustat",
        errno.ENOSYS,
    ),
)

_NAMESPACES = {  # linux/sched.h
    "CLONE_NEWNS": 0x00020000,
    "CLONE_NEWCGROUP": 0x02000000,
    "CLONE_NEWUTS": 0x04000000,
    "CLONE_NEWIPC": 0x08000000,
    "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000,
}
_TYPING = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C}  # asm-generic/ioctls.h
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}  # linux/socket.h
_PERSONALITIES = {  # linux/personality.h
    "PER_LINUX": 0,
    "PER_LINUX32": 0x8,
    "UNAME26": 0x20000,
    "both of these": 0x20008,
    "0xffffffff, which only asks": 0xFFFFFFFF,
}

CHECKED = (
    CheckedCalls("namespaces, as above", "clone", 0, "with a bit of", _NAMESPACES),
    CheckedCalls("typing into the worker's terminal", "ioctl", 1, "with one of", _TYPING),
    CheckedCalls(
        "other families: AF_VSOCK reaches the hypervisor past every namespace, AF_ALG the "
        "kernel's cryptography; the rest is code that hardly anybody runs",
        "socket socketpair",
        0,
        "with other than",
        _FAMILIES,
        errno.EAFNOSUPPORT,
    ),
    CheckedCalls("weaker memory protection", "personality", 0, "with other than", _PERSONALITIES),
)


class _Architecture(NamedTuple):
    """The numbers of its calls, and AUDIT_ARCH_* of linux/audit.h."""

    numbers: dict[str, int]
    audit: int


_ARCHITECTURES = {
    "x86_64": _Architecture(x86_64.syscalls_x86_64, 0xC000003E),
    "aarch64": _Architecture(arm64.syscalls_arm64, 0xC00000B7),
}


def program(who: Who) -> bytes:
    """What filters the calls of a trial's processes on this machine.

    Returns:
        An array of `struct sock_filter`, eight bytes each.

    Raises:
        InfrastructureFault: The numbers of this machine's calls are not known.
    """
    return assemble(who, platform.machine())


# linux/bpf_common.h: a word of the call's data, comparisons with a constant, the end. No other
# instruction may come before a call's number is known: the kernel understands these beforehand
# (seccomp_is_const_allow), and then does not run the program at all for a call that is allowed.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# linux/seccomp.h: SECCOMP_RET_*, and offsets in struct seccomp_data of a little-endian machine.
_KILL_PROCESS, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER, _ARCH, _ARGUMENTS, _ARGUMENT_BYTES = 0, 4, 16, 8

_Block = tuple[bytes, ...]
"""Instructions that end in an answer on every path, and jump only among themselves."""


@cache
def assemble(who: Who, machine: str) -> bytes:
    """The program for a kind of machine, as `platform.machine()` names it.

    Rule: a number that the library does not know, and every one above, is a call that does not
    exist. So what a later kernel brings is closed until somebody has thought of it, and so is
    the x32 ABI, whose numbers have a high bit set. Programs of another architecture, 32-bit
    ones too, are killed at their first call: the numbers mean something else there.

    Raises:
        InfrastructureFault: There is no table for it.
    """
    architecture = _ARCHITECTURES.get(machine)
    if architecture is None:
        raise InfrastructureFault(
            f"A trial's system calls cannot be filtered on {machine}: their numbers are known for "
            f"{' and '.join(_ARCHITECTURES)} alone. Climb on one of these."
        )
    numbers = architecture.numbers
    unknown = (_return(_ERRNO | errno.ENOSYS),)
    answers: dict[int, _Block] = dict.fromkeys(numbers.values(), (_return(_ALLOW),))
    for refused in REFUSED:
        if who in refused.whom:
            known = numbers.keys() & set(refused.calls.split())
            failure = (_return(_ERRNO | refused.error),)
            answers |= {numbers[name]: failure for name in known}
    for checked in CHECKED:
        answers |= {numbers[name]: _check(checked) for name in checked.calls.split()}
    code = [_instruction(_LOAD, _ARCH), _instruction(_EQUAL, architecture.audit, yes=1)]
    code += [_return(_KILL_PROCESS), _instruction(_LOAD, _NUMBER)]
    # Numbers upwards, those with one answer together: each jump, of 255 at most, passes one block.
    every = range(max(answers) + 1)
    for block, together in groupby(every, lambda number: answers.get(number, unknown)):
        code += [_instruction(_AT_LEAST, max(together) + 1, yes=len(block)), *block]
    return b"".join([*code, *unknown])


def _check(checked: CheckedCalls) -> _Block:
    fail, allow = _return(_ERRNO | checked.error), _return(_ALLOW)
    load = _instruction(_LOAD, _ARGUMENTS + _ARGUMENT_BYTES * checked.argument)
    values = list(checked.values.values())
    if checked.fails == "with a bit of":
        return load, _instruction(_ANY_BIT, sum(values), no=1), fail, allow
    found, other = (fail, allow) if checked.fails == "with one of" else (allow, fail)
    left = range(len(values), 0, -1)
    same = [_instruction(_EQUAL, value, yes=n) for value, n in zip(values, left, strict=True)]
    return load, *same, other, found


def _return(answer: int) -> bytes:
    return _instruction(_RETURN, answer)


def _instruction(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    """A struct sock_filter (linux/filter.h): how many instructions each outcome skips."""
    return struct.pack("=HBBI", code, yes, no, operand)
