//! Windows' errors as Linux's.
//!
//! The numbers are those of Microsoft's "System Error Codes", `winerror.h`, and of "NTSTATUS Values", [MS-ERREF] 2.3.1.

use crate::Errno;

/// `ERROR_…` and what Linux would say.
const ERRORS: &[(u32, Errno)] = &[
    // Never ENOSYS: the guest's kernel would not ask again, and it is only this file or this file system.
    (1, Errno::OPNOTSUPP),     // INVALID_FUNCTION
    (2, Errno::NOENT),         // FILE_NOT_FOUND
    (3, Errno::NOENT),         // PATH_NOT_FOUND
    (4, Errno::MFILE),         // TOO_MANY_OPEN_FILES
    (5, Errno::ACCES),         // ACCESS_DENIED
    (6, Errno::BADF),          // INVALID_HANDLE
    (8, Errno::NOMEM),         // NOT_ENOUGH_MEMORY
    (14, Errno::NOMEM),        // OUTOFMEMORY
    (17, Errno::XDEV),         // NOT_SAME_DEVICE
    (19, Errno::ROFS),         // WRITE_PROTECT
    (32, Errno::BUSY),         // SHARING_VIOLATION
    (33, Errno::AGAIN),        // LOCK_VIOLATION
    (38, Errno::IO),           // HANDLE_EOF
    (39, Errno::NOSPC),        // HANDLE_DISK_FULL
    (50, Errno::OPNOTSUPP),    // NOT_SUPPORTED
    (80, Errno::EXIST),        // FILE_EXISTS
    (87, Errno::INVAL),        // INVALID_PARAMETER
    (112, Errno::NOSPC),       // DISK_FULL
    (123, Errno::INVAL),       // INVALID_NAME
    (145, Errno::NOTEMPTY),    // DIR_NOT_EMPTY
    (158, Errno::NOLCK),       // NOT_LOCKED
    (170, Errno::BUSY),        // BUSY
    (183, Errno::EXIST),       // ALREADY_EXISTS
    (206, Errno::NAMETOOLONG), // FILENAME_EXCED_RANGE
    (223, Errno::FBIG),        // FILE_TOO_LARGE
    (267, Errno::NOTDIR),      // DIRECTORY
    (303, Errno::BUSY),        // DELETE_PENDING
    (336, Errno::ISDIR),       // DIRECTORY_NOT_SUPPORTED
    (665, Errno::OPNOTSUPP),   // FILE_SYSTEM_LIMITATION
    (1113, Errno::ILSEQ),      // NO_UNICODE_TRANSLATION
    (1142, Errno::MLINK),      // TOO_MANY_LINKS
    (1224, Errno::BUSY),       // USER_MAPPED_FILE
    (1295, Errno::DQUOT),      // DISK_QUOTA_EXCEEDED
    (1314, Errno::PERM),       // PRIVILEGE_NOT_HELD
    (1460, Errno::TIMEDOUT),   // TIMEOUT
    (1920, Errno::ACCES),      // CANT_ACCESS_FILE
    (4390, Errno::INVAL),      // NOT_A_REPARSE_POINT
    (4392, Errno::INVAL),      // INVALID_REPARSE_DATA
];

/// `STATUS_…` of the kernel that Win32's errors do not tell apart, or not well.
const STATUSES: &[(u32, Errno)] = &[
    (0x8000_0005, Errno::RANGE),     // BUFFER_OVERFLOW
    (0x8000_0013, Errno::INVAL),     // INVALID_EA_NAME
    (0x8000_0014, Errno::IO),        // EA_LIST_INCONSISTENT
    (0xc000_0002, Errno::OPNOTSUPP), // NOT_IMPLEMENTED
    (0xc000_0003, Errno::OPNOTSUPP), // INVALID_INFO_CLASS
    (0xc000_0010, Errno::OPNOTSUPP), // INVALID_DEVICE_REQUEST
    (0xc000_0023, Errno::RANGE),     // BUFFER_TOO_SMALL
    (0xc000_004f, Errno::OPNOTSUPP), // EAS_NOT_SUPPORTED
    (0xc000_0050, Errno::NOSPC),     // EA_TOO_LARGE
    (0xc000_0051, Errno::NODATA),    // NONEXISTENT_EA_ENTRY
    (0xc000_0052, Errno::NODATA),    // NO_EAS_ON_FILE
    (0xc000_0056, Errno::BUSY),      // DELETE_PENDING
    (0xc000_00ba, Errno::ISDIR),     // FILE_IS_A_DIRECTORY
    (0xc000_00bb, Errno::OPNOTSUPP), // NOT_SUPPORTED
    (0xc000_0123, Errno::STALE),     // FILE_DELETED
    (0xc000_050b, Errno::LOOP),      // REPARSE_POINT_ENCOUNTERED
];

/// A status of Windows' kernel in Linux's numbers. `win32` says what Win32 calls a status.
pub fn of_status(status: u32, win32: impl FnOnce(u32) -> u32) -> Errno {
    match STATUSES.binary_search_by_key(&status, |(code, _)| *code) {
        Ok(index) => STATUSES[index].1,
        Err(_) => of_win32(win32(status)),
    }
}

/// An error of the standard library, which keeps Win32's number, in Linux's numbers.
#[cfg(windows)]
pub fn of_io(error: &std::io::Error) -> Errno {
    let code = error.raw_os_error();
    code.map_or(Errno::IO, |code| of_win32(code.cast_unsigned()))
}

/// A Windows error in Linux's numbers; one that is not known is `EIO`.
pub fn of_win32(error: u32) -> Errno {
    ERRORS
        .binary_search_by_key(&error, |(code, _)| *code)
        .map_or(Errno::IO, |index| ERRORS[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_order_for_the_search() {
        assert!(ERRORS.is_sorted_by(|first, second| first.0 < second.0));
        assert!(STATUSES.is_sorted_by(|first, second| first.0 < second.0));
    }

    #[test]
    fn of_win32_says_what_linux_would() {
        for (error, expected) in [
            (2, Errno::NOENT),
            (32, Errno::BUSY),
            (183, Errno::EXIST),
            (112, Errno::NOSPC),
        ] {
            assert_eq!(of_win32(error), expected);
        }
        assert_eq!(of_win32(999_999), Errno::IO);
    }

    #[test]
    fn of_status_what_win32_would_blur_is_told_apart() {
        // Win32 says ACCESS_DENIED to both.
        let win32 = |_| 5;
        assert_eq!(of_status(0xc000_00ba, win32), Errno::ISDIR);
        assert_eq!(of_status(0xc000_0022, win32), Errno::ACCES);
    }
}
