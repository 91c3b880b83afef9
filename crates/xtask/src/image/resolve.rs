//! Finds all packages that the wanted ones need, in one suite.

use std::collections::{BTreeMap, HashMap, VecDeque};

use anyhow::{Context, Result, bail};

use super::{
    control::{self, Paragraph},
    lock::Package,
    pattern,
};

/// The packages of a suite, by name and by what they provide.
pub struct Index {
    by_name: HashMap<String, Paragraph>,
    providers: HashMap<String, Vec<String>>,
}

impl Index {
    /// Reads a `Packages` file.
    pub fn parse(text: &str) -> Result<Self> {
        let mut index = Self {
            by_name: HashMap::new(),
            providers: HashMap::new(),
        };
        for paragraph in control::paragraphs(text)? {
            let name = field(&paragraph, "Package")?.to_owned();
            for provided in paragraph
                .get("Provides")
                .map(|all| control::dependency_groups(all))
                .unwrap_or_default()
            {
                let providers = index.providers.entry(provided.concat()).or_default();
                providers.push(name.clone());
            }
            index.by_name.insert(name, paragraph);
        }
        Ok(index)
    }

    /// The wanted packages with all they depend on, sorted by name. A group of alternatives is met by one that is in
    /// already, else by the first that the suite has; it is left unmet where that one is excluded.
    pub fn resolve(&self, wanted: &[String], excluded: &BTreeMap<String, String>) -> Result<Vec<Package>> {
        let excluded: Vec<String> = excluded.keys().cloned().collect();
        let mut chosen: BTreeMap<&str, Package> = BTreeMap::new();
        let mut queue: VecDeque<&str> = VecDeque::new();
        for name in wanted {
            queue.push_back(
                self.real_name(name)
                    .with_context(|| format!("the suite has no package {name}"))?,
            );
        }
        while let Some(name) = queue.pop_front() {
            if chosen.contains_key(name) {
                continue;
            }
            let paragraph = &self.by_name[name];
            chosen.insert(
                name,
                package(paragraph).with_context(|| format!("the entry of {name}"))?,
            );
            for group in ["Pre-Depends", "Depends"]
                .iter()
                .filter_map(|field| paragraph.get(*field))
                .flat_map(|all| control::dependency_groups(all))
            {
                if group.iter().any(|alternative| chosen.contains_key(alternative)) {
                    continue;
                }
                let first = group.iter().find_map(|alternative| {
                    let is_excluded = pattern::any(&excluded, alternative);
                    if is_excluded {
                        Some(None)
                    } else {
                        self.real_name(alternative).map(Some)
                    }
                });
                match first {
                    Some(Some(found)) if !pattern::any(&excluded, found) => queue.push_back(found),
                    Some(_) => {}
                    None => bail!(
                        "{name} needs {}, which the suite does not have",
                        group.join(" or ")
                    ),
                }
            }
        }
        Ok(chosen.into_values().collect())
    }

    /// The package itself, or the first one in the index that provides the name.
    fn real_name<'a>(&'a self, name: &str) -> Option<&'a str> {
        if let Some((name, _)) = self.by_name.get_key_value(name) {
            return Some(name);
        }
        self.providers.get(name)?.iter().min().map(String::as_str)
    }
}

fn package(paragraph: &Paragraph) -> Result<Package> {
    Ok(Package {
        name: field(paragraph, "Package")?.to_owned(),
        version: field(paragraph, "Version")?.to_owned(),
        path: field(paragraph, "Filename")?.to_owned(),
        size_bytes: field(paragraph, "Size")?.parse().context("the field Size")?,
        sha256: field(paragraph, "SHA256")?.to_owned(),
    })
}

fn field<'a>(paragraph: &'a Paragraph, name: &str) -> Result<&'a str> {
    paragraph
        .get(name)
        .map(String::as_str)
        .with_context(|| format!("no field {name}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Index;

    fn index(entries: &[(&str, &str)]) -> Index {
        let text: String = entries
            .iter()
            .map(|(name, more)| {
                format!(
                    "Package: {name}\nVersion: 1\nFilename: pool/{name}.deb\nSize: 1\nSHA256: aa\n{more}\n"
                )
            })
            .collect();
        Index::parse(&text).unwrap()
    }

    fn resolve(index: &Index, wanted: &str, excluded: &[&str]) -> anyhow::Result<Vec<String>> {
        let excluded: BTreeMap<_, _> = excluded
            .iter()
            .map(|name| (name.to_string(), "why".to_string()))
            .collect();
        let packages = index.resolve(&[wanted.to_owned()], &excluded)?;
        Ok(packages.into_iter().map(|package| package.name).collect())
    }

    #[test]
    fn resolve_chain_and_circle_given_takes_each_once() {
        let index = index(&[
            ("a", "Depends: b (>= 1), c\n"),
            ("b", "Pre-Depends: a\n"),
            ("c", ""),
            ("d", ""),
        ]);
        assert_eq!(resolve(&index, "a", &[]).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn resolve_alternatives_given_takes_first_available() {
        let index = index(&[("a", "Depends: gone | b | c\n"), ("b", ""), ("c", "")]);
        assert_eq!(resolve(&index, "a", &[]).unwrap(), ["a", "b"]);
    }

    #[test]
    fn resolve_excluded_alternative_given_leaves_the_group_unmet() {
        let index = index(&[
            ("a", "Depends: debconf | debconf-2.0, gcc-9-base\n"),
            ("debconf-2.0", ""),
            ("gcc-9-base", ""),
        ]);
        assert_eq!(resolve(&index, "a", &["debconf", "gcc-*-base"]).unwrap(), ["a"]);
    }

    #[test]
    fn resolve_virtual_package_given_takes_its_provider() {
        let index = index(&[("a", "Depends: libz\n"), ("libzt64", "Provides: libz (= 1)\n")]);
        assert_eq!(resolve(&index, "a", &[]).unwrap(), ["a", "libzt64"]);
    }

    #[test]
    fn resolve_missing_dependency_given_names_who_needs_it() {
        let error = resolve(&index(&[("a", "Depends: b | c\n")]), "a", &[]).unwrap_err();
        assert_eq!(error.to_string(), "a needs b or c, which the suite does not have");
        assert!(resolve(&index(&[]), "a", &[]).is_err());
    }
}
