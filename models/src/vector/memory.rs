//! Hints to the CPU and the operating system about memory: prefetch and large pages.

/// Asks the CPU to bring `slice[index]` near. Any index is fine: an address outside is ignored.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], index: usize) {
    let address = slice.as_ptr().wrapping_add(index);
    // SAFETY: a prefetch never faults and changes no memory (2).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast())
    };
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks the CPU to bring a range of a slice into its second-level cache. Any range is fine.
#[inline(always)]
pub fn prefetch_range<T>(slice: &[T], range: std::ops::Range<usize>) {
    const LINE: usize = 64;
    let base = slice.as_ptr();
    let start = base.wrapping_add(range.start).cast::<u8>();
    let end = base.wrapping_add(range.end).cast::<u8>();
    // From the beginning of the first line, or a range that ends just inside a line would miss it.
    let mut address = start.wrapping_sub(start.addr() % LINE);
    while address < end {
        // SAFETY: a prefetch never faults and changes no memory (2).
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast())
        };
        address = address.wrapping_add(LINE);
    }
}

/// Asks the system to back a large slice with 2 MiB pages: fewer address translations while spikes are delivered.
/// Best before the first write. Advice only: systems without such pages ignore it.
pub fn advise_huge_pages<T>(slice: &mut [T]) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = (slice.as_mut_ptr() as usize).next_multiple_of(PAGE);
        let end = (slice.as_mut_ptr() as usize + size_of_val(slice)) & !(PAGE - 1);
        if end > start + (4 << 20) {
            // SAFETY: whole pages inside one live, exclusively borrowed allocation; contents do not change (3).
            unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
}
