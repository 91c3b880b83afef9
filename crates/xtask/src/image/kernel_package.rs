//! What the kernel's packages bring: the kernel, its modules, and the lists that `depmod` reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use super::pattern;

const FOLDER: &str = "usr/lib/modules/";

/// The kernel's files in memory, modules still packed.
#[derive(Default)]
pub struct KernelPackage {
    /// The kernel's release, the name of its module folder.
    pub release: String,
    /// The kernel in its wrapper.
    pub kernel: Vec<u8>,
    /// Text files beside the modules, by name: `modules.builtin` and its kind.
    pub lists: BTreeMap<String, Vec<u8>>,
    /// Modules by name, with `_` for every `-`.
    modules: BTreeMap<String, Packed>,
}

struct Packed {
    /// Below the kernel's module folder, without the packing's suffix.
    path: String,
    bytes: Vec<u8>,
}

/// A module ready to be loaded.
#[derive(Clone)]
pub struct Module {
    /// Its name, with `_` for every `-`.
    pub name: String,
    /// Below the kernel's module folder: `kernel/fs/erofs/erofs.ko`.
    pub path: String,
    /// The unpacked object file.
    pub bytes: Vec<u8>,
}

impl KernelPackage {
    /// Says whether the path of an image is one of the kernel's.
    pub fn has(path: &str) -> bool {
        path.starts_with(FOLDER)
    }

    /// Takes one entry of a package.
    pub fn take(&mut self, path: &str, entry: &mut tar::Entry<impl Read>) -> Result<()> {
        if !entry.header().entry_type().is_file() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .with_context(|| format!("failed to unpack {path}"))?;
        self.add(path, bytes)
    }

    fn add(&mut self, path: &str, bytes: Vec<u8>) -> Result<()> {
        let inside = path.strip_prefix(FOLDER).unwrap_or(path);
        let (release, inside) = inside
            .split_once('/')
            .with_context(|| format!("{path} is no file of a kernel"))?;
        if self.release.is_empty() {
            release.clone_into(&mut self.release);
        } else if self.release != release {
            bail!("two kernels: {} and {release}", self.release);
        }
        if inside == "vmlinuz" {
            self.kernel = bytes;
        } else if let Some(module) = inside.strip_suffix(".xz").unwrap_or(inside).strip_suffix(".ko") {
            let name = module.rsplit('/').next().unwrap_or(module).replace('-', "_");
            self.modules.insert(
                name,
                Packed {
                    path: format!("{module}.ko"),
                    bytes,
                },
            );
        } else if inside.starts_with("modules.") {
            self.lists.insert(inside.to_owned(), bytes);
        }
        Ok(())
    }

    /// The modules that the recipe's entries mean and all that they need, each after what it needs.
    ///
    /// An entry is a name, or a path with patterns below the kernel's module folder. What the kernel has built in is
    /// no module here and left out: the architectures differ in that.
    pub fn load_order(&self, entries: &[String]) -> Result<Vec<Module>> {
        let builtin = self.builtin();
        let mut order = Vec::new();
        let mut done = BTreeSet::new();
        for entry in entries {
            if entry.contains('/') {
                let names = self
                    .modules
                    .iter()
                    .filter(|(_, packed)| pattern::matches(entry, &packed.path))
                    .map(|(name, _)| name);
                for name in names {
                    self.visit(name, &mut done, &mut order)?;
                }
            } else if self.modules.contains_key(entry) {
                self.visit(entry, &mut done, &mut order)?;
            } else if !builtin.contains(entry) {
                bail!("the kernel {} has no module {entry}", self.release);
            }
        }
        Ok(order)
    }

    fn visit(&self, name: &str, done: &mut BTreeSet<String>, order: &mut Vec<Module>) -> Result<()> {
        if !done.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(packed) = self.modules.get(name) else {
            bail!("a module needs {name}, which the kernel does not have")
        };
        let bytes = unpack(&packed.bytes).with_context(|| format!("failed to unpack {}", packed.path))?;
        for needed in needs(&bytes).with_context(|| format!("failed to read {}", packed.path))? {
            self.visit(&needed, done, order)?;
        }
        order.push(Module {
            name: name.to_owned(),
            path: packed.path.clone(),
            bytes,
        });
        Ok(())
    }

    fn builtin(&self) -> BTreeSet<String> {
        let list = self
            .lists
            .get("modules.builtin")
            .map(|bytes| String::from_utf8_lossy(bytes))
            .unwrap_or_default();
        list.lines()
            .filter_map(|line| Some(line.rsplit('/').next()?.strip_suffix(".ko")?.replace('-', "_")))
            .collect()
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
    if !bytes.starts_with(b"\xfd7zXZ\0") {
        return Ok(bytes.to_vec());
    }
    let mut unpacked = Vec::new();
    liblzma::read::XzDecoder::new(bytes).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// The names in the module's own `depends=` note.
fn needs(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module)?;
    let section = file.section_by_name(".modinfo").context("no section .modinfo")?;
    let notes = section.data()?.split(|byte| *byte == 0);
    let depends = notes.filter_map(|note| note.strip_prefix(b"depends="));
    let names = depends.flat_map(|list| {
        String::from_utf8_lossy(list)
            .split(',')
            .map(|name| name.replace('-', "_"))
            .collect::<Vec<_>>()
    });
    Ok(names.filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use object::{Architecture, BinaryFormat, Endianness, SectionKind, write};

    use super::KernelPackage;

    fn module(depends: &str) -> Vec<u8> {
        let mut file = write::Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        let section = file.add_section(Vec::new(), b".modinfo".to_vec(), SectionKind::ReadOnlyData);
        file.append_section_data(section, format!("license=GPL\0depends={depends}\0").as_bytes(), 1);
        file.write().unwrap()
    }

    fn package() -> KernelPackage {
        let mut package = KernelPackage::default();
        for (path, depends) in [
            ("net/a-b", "c"),
            ("net/c", ""),
            ("fs/d", "a-b,c"),
            ("fs/e", "gone"),
        ] {
            package
                .add(
                    &format!("usr/lib/modules/7.2-cloud/kernel/{path}.ko"),
                    module(depends),
                )
                .unwrap();
        }
        package
            .add(
                "usr/lib/modules/7.2-cloud/modules.builtin",
                b"kernel/fs/ext4/ext4.ko\n".to_vec(),
            )
            .unwrap();
        package
    }

    fn order(entries: &[&str]) -> anyhow::Result<Vec<String>> {
        let entries: Vec<String> = entries.iter().map(|entry| entry.to_string()).collect();
        Ok(package()
            .load_order(&entries)?
            .into_iter()
            .map(|module| module.name)
            .collect())
    }

    #[test]
    fn load_order_dependencies_given_come_first_and_once() {
        assert_eq!(order(&["d", "c", "ext4"]).unwrap(), ["c", "a_b", "d"]);
    }

    #[test]
    fn load_order_pattern_given_takes_all_below() {
        assert_eq!(order(&["kernel/net/"]).unwrap(), ["c", "a_b"]);
    }

    #[test]
    fn load_order_unknown_module_given_fails() {
        assert!(order(&["nothing"]).unwrap_err().to_string().contains("nothing"));
        assert!(order(&["e"]).unwrap_err().to_string().contains("gone"));
    }

    #[test]
    fn add_second_kernel_given_fails() {
        assert!(package().add("usr/lib/modules/7.3/vmlinuz", Vec::new()).is_err());
    }
}
