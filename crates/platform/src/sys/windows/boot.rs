//! The count of boots.
#![expect(unsafe_code, reason = "the registry has no safe face")]

use windows_sys::{
    Win32::{
        Foundation::ERROR_SUCCESS,
        System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_DWORD, RegGetValueW},
    },
    w,
};

/// Windows counts its boots here for the prefetcher; every user may read it.
pub fn boot_id() -> Option<String> {
    let mut count = 0u32;
    let mut length = size_of::<u32>() as u32;
    // SAFETY: the names end with a zero; the value has `length` bytes to go to.
    let result = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            w!("SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management\\PrefetchParameters"),
            w!("BootId"),
            RRF_RT_REG_DWORD,
            std::ptr::null_mut(),
            (&raw mut count).cast(),
            &raw mut length,
        )
    };
    (result == ERROR_SUCCESS).then(|| format!("boot-{count}"))
}
