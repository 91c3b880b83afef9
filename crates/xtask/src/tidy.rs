//! Checks the house rules that no lint knows.
//!
//! One module per rule, each a function from the [`Tree`] to what is wrong with it. A rule reads nothing else, so its
//! tests are made-up trees.

mod arrows;
mod file_length;
mod leaks;
mod leftovers;
mod manifests;
mod names;
mod os_cfg;
mod tree;

use std::fmt;

use anyhow::{Result, bail};

use crate::shell;
use tree::Tree;

/// Arguments.
#[derive(clap::Args, Default)]
pub struct TidyArgs {}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// From 1; 0 when it is about the whole file.
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

const RULES: &[fn(&Tree) -> Vec<Finding>] = &[
    arrows::check,
    manifests::check,
    os_cfg::check,
    file_length::check,
    names::check,
    leftovers::check,
    leaks::check,
];

pub fn run(_args: TidyArgs) -> Result<()> {
    let tree = Tree::read(&shell::root())?;
    let findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} rules hold in {} files", RULES.len(), tree.files().count());
            Ok(())
        }
        1 => bail!("1 house rule is broken"),
        many => bail!("{many} house rules are broken"),
    }
}
