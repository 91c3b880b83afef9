//! The probe's guest: a kernel of some hundred bytes that does what any kernel and any program do first, and then
//! ends QEMU with a status of its own.
//!
//! On amd64 that is: enter through PVH as our real kernel does, build page tables, switch to 64 bits, write the MSRs
//! for system calls, then SSE, and AVX and BMI instructions where the processor says it has them. An accelerator that
//! has to emulate such instructions and cannot stops right there; one that is good needs a few milliseconds.

use crate::host::Arch;

/// The kernel's bytes, as QEMU's `-kernel` takes them.
pub(super) fn kernel(arch: Arch) -> Vec<u8> {
    match arch {
        Arch::Amd64 => amd64_elf(AMD64_CODE),
        Arch::Arm64 => ARM64_CODE.iter().flat_map(|word| word.to_le_bytes()).collect(),
    }
}

/// QEMU's exit status when the guest got through.
pub(super) fn success_status(arch: Arch) -> i32 {
    match arch {
        // isa-debug-exit makes (value << 1) | 1 of the value that is written to it.
        Arch::Amd64 => (0x2a << 1) | 1,
        // The guest powers off.
        Arch::Arm64 => 0,
    }
}

/// Where the amd64 kernel is loaded and entered.
const LOAD_ADDRESS: u32 = 0x10_0000;

/// Loaded at 0x100000, entered in 32-bit protected mode without paging.
#[rustfmt::skip]
const AMD64_CODE: &[u8] = &[
    0xfa,                                                       // cli
    0xfc,                                                       // cld
    0xbc, 0x00, 0x00, 0x08, 0x00,                               // mov esp, 0x80000
    // Page tables at 0x70000: the first 2 MiB, mapped to themselves by one large page.
    0x31, 0xc0,                                                 // xor eax, eax
    0xbf, 0x00, 0x00, 0x07, 0x00,                               // mov edi, 0x70000
    0xb9, 0x00, 0x0c, 0x00, 0x00,                               // mov ecx, 0xc00
    0xf3, 0xab,                                                 // rep stosd
    0xc7, 0x05, 0x00, 0x00, 0x07, 0x00, 0x03, 0x10, 0x07, 0x00, // mov dword [0x70000], 0x71003
    0xc7, 0x05, 0x00, 0x10, 0x07, 0x00, 0x03, 0x20, 0x07, 0x00, // mov dword [0x71000], 0x72003
    0xc7, 0x05, 0x00, 0x20, 0x07, 0x00, 0x83, 0x00, 0x00, 0x00, // mov dword [0x72000], 0x83
    // CR4: PAE, OSFXSR, OSXMMEXCPT. CR3. EFER: SCE, LME. CR0: PG, NE, ET, MP, PE.
    0x0f, 0x20, 0xe0,                                           // mov eax, cr4
    0x0d, 0x20, 0x06, 0x00, 0x00,                               // or eax, 0x620
    0x0f, 0x22, 0xe0,                                           // mov cr4, eax
    0xb8, 0x00, 0x00, 0x07, 0x00,                               // mov eax, 0x70000
    0x0f, 0x22, 0xd8,                                           // mov cr3, eax
    0xb9, 0x80, 0x00, 0x00, 0xc0,                               // mov ecx, 0xc0000080
    0x0f, 0x32,                                                 // rdmsr
    0x0d, 0x01, 0x01, 0x00, 0x00,                               // or eax, 0x101
    0x0f, 0x30,                                                 // wrmsr
    0xb8, 0x33, 0x00, 0x00, 0x80,                               // mov eax, 0x80000033
    0x0f, 0x22, 0xc0,                                           // mov cr0, eax
    0x0f, 0x01, 0x15, 0xf5, 0x00, 0x10, 0x00,                   // lgdt [0x1000f5]
    0xea, 0x6a, 0x00, 0x10, 0x00, 0x08, 0x00,                   // jmp 0x08:0x10006a
    // 0x6a, 64 bits. Data segments, then LSTAR and GS_BASE.
    0x66, 0xb8, 0x10, 0x00,                                     // mov ax, 0x10
    0x8e, 0xd8,                                                 // mov ds, ax
    0x8e, 0xc0,                                                 // mov es, ax
    0x8e, 0xd0,                                                 // mov ss, ax
    0xb9, 0x82, 0x00, 0x00, 0xc0,                               // mov ecx, 0xc0000082
    0xb8, 0x00, 0x10, 0x00, 0x00,                               // mov eax, 0x1000
    0x31, 0xd2,                                                 // xor edx, edx
    0x0f, 0x30,                                                 // wrmsr
    0xb9, 0x01, 0x01, 0x00, 0xc0,                               // mov ecx, 0xc0000101
    0x0f, 0x30,                                                 // wrmsr
    0x66, 0x0f, 0xef, 0xc0,                                     // pxor xmm0, xmm0
    // AVX, if CPUID.1:ECX has XSAVE and AVX: CR4.OSXSAVE, XCR0, one instruction.
    0xb8, 0x01, 0x00, 0x00, 0x00,                               // mov eax, 1
    0x31, 0xc9,                                                 // xor ecx, ecx
    0x0f, 0xa2,                                                 // cpuid
    0x89, 0xcb,                                                 // mov ebx, ecx
    0x81, 0xe3, 0x00, 0x00, 0x00, 0x14,                         // and ebx, 0x14000000
    0x81, 0xfb, 0x00, 0x00, 0x00, 0x14,                         // cmp ebx, 0x14000000
    0x75, 0x1a,                                                 // jne 0xc0
    0x0f, 0x20, 0xe0,                                           // mov rax, cr4
    0x0d, 0x00, 0x00, 0x04, 0x00,                               // or eax, 0x40000
    0x0f, 0x22, 0xe0,                                           // mov cr4, rax
    0x31, 0xc9,                                                 // xor ecx, ecx
    0x0f, 0x01, 0xd0,                                           // xgetbv
    0x83, 0xc8, 0x07,                                           // or eax, 7
    0x0f, 0x01, 0xd1,                                           // xsetbv
    0xc5, 0xf5, 0xef, 0xc9,                                     // vpxor ymm1, ymm1, ymm1
    // 0xc0: BMI1, if CPUID.7:EBX has it (every CPU model that we ask for has that leaf).
    0xb8, 0x07, 0x00, 0x00, 0x00,                               // mov eax, 7
    0x31, 0xc9,                                                 // xor ecx, ecx
    0x0f, 0xa2,                                                 // cpuid
    0xf7, 0xc3, 0x08, 0x00, 0x00, 0x00,                         // test ebx, 8
    0x74, 0x05,                                                 // je 0xd6
    0xc4, 0xe2, 0x78, 0xf2, 0xc0,                               // andn eax, eax, eax
    // 0xd6: through.
    0xb0, 0x2a,                                                 // mov al, 0x2a
    0xe6, 0xf4,                                                 // out 0xf4, al
    // 0xda: stand still.
    0xf4,                                                       // hlt
    0xeb, 0xfd,                                                 // jmp 0xda
    // 0xdd: segment table: null, 64-bit code, flat data.
    0, 0, 0, 0, 0, 0, 0, 0,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xaf, 0x00,
    0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00,             // ends at 0xf5
    0x17, 0x00, 0xdd, 0x00, 0x10, 0x00,                         // its limit and address
];

/// Loaded anywhere and entered at exception level 1 (or 2).
const ARM64_CODE: &[u32] = &[
    0xd2a0_0600, // mov x0, #0x300000         CPACR_EL1.FPEN: floating point and vectors
    0xd518_1040, // msr cpacr_el1, x0
    0xd503_3fdf, // isb
    0xd518_d080, // msr tpidr_el1, x0
    0xd53b_e041, // mrs x1, cntvct_el0
    0x6e20_1c00, // eor v0.16b, v0.16b, v0.16b
    0xd280_0100, // mov x0, #0x0008           PSCI SYSTEM_OFF is 0x84000008
    0xf2b0_8000, // movk x0, #0x8400, lsl #16
    0xd400_0002, // hvc #0
    0xd503_207f, // wfi
    0x17ff_ffff, // b .-4
];

/// Wraps code into an ELF file with the PVH note that names the entry.
fn amd64_elf(code: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: u32 = 52;
    const PROGRAM_HEADER_BYTES: u32 = 32;
    const CODE_OFFSET: u32 = 0x1000;
    const NOTE_OFFSET: u32 = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
    let code_bytes = u32::try_from(code.len()).unwrap_or(u32::MAX);
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let halves = |values: &[u16], file: &mut Vec<u8>| {
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    };
    let words = |values: &[u32], file: &mut Vec<u8>| {
        file.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    };
    halves(&[2, 3], &mut file); // executable, i386
    words(&[1, LOAD_ADDRESS, HEADER_BYTES, 0, 0], &mut file);
    halves(&[52, 32, 2, 40, 0, 0], &mut file);
    // PT_LOAD and PT_NOTE: type, offset, virtual and physical address, sizes, flags, alignment.
    words(
        &[
            1,
            CODE_OFFSET,
            LOAD_ADDRESS,
            LOAD_ADDRESS,
            code_bytes,
            code_bytes,
            7,
            0x1000,
        ],
        &mut file,
    );
    words(&[4, NOTE_OFFSET, 0, 0, 20, 20, 4, 4], &mut file);
    // XEN_ELFNOTE_PHYS32_ENTRY.
    words(&[4, 4, 18], &mut file);
    file.extend(b"Xen\0");
    words(&[LOAD_ADDRESS], &mut file);
    file.resize(CODE_OFFSET as usize, 0);
    file.extend(code);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_of_amd64_has_its_tables_where_the_code_says() {
        assert_eq!(AMD64_CODE[0x6a..0x6e], [0x66, 0xb8, 0x10, 0x00]);
        assert_eq!(AMD64_CODE[0xd6..0xda], [0xb0, 0x2a, 0xe6, 0xf4]);
        assert_eq!(Arch::of_kernel(&kernel(Arch::Amd64)), Some(Arch::Amd64));
    }
}
