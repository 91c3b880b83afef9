//! `--env NAME[=VALUE]` and the files of `--env-file`.

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value; `None`: as it is here, where it is set.
    pub value: Option<String>,
}

/// Reads one value of `--env`.
pub fn parse_variable(text: &str) -> Result<Variable, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    Ok(Variable {
        name: name.to_owned(),
        value,
    })
}

/// Reads a file of variables: one per line, `#` at the beginning makes a comment, nothing is quoted or expanded.
///
/// Source: `opts/file.go` of github.com/docker/cli.
pub fn variables_of_file(text: &str) -> Result<Vec<Variable>, String> {
    let mut variables = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variable = parse_variable(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        if variable.name.contains(char::is_whitespace) {
            return Err(format!(
                "line {}: the name {:?} has a space in it",
                index + 1,
                variable.name
            ));
        }
        variables.push(variable);
    }
    Ok(variables)
}

/// `NAME=value` of each; one without a value that is not set here either is left out.
pub fn resolve_variables(variables: &[Variable], here: impl Fn(&str) -> Option<String>) -> Vec<String> {
    variables
        .iter()
        .filter_map(|variable| {
            let value = variable.value.clone().or_else(|| here(&variable.name))?;
            Some(format!("{}={value}", variable.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/ann".to_owned())
    }

    #[test]
    fn resolve_variables_takes_what_is_missing_from_here() {
        let variables: Vec<Variable> = ["A=1", "B=", "C=a=b", "HOME", "UNSET"]
            .into_iter()
            .map(|text| parse_variable(text).unwrap())
            .collect();
        assert_eq!(
            resolve_variables(&variables, here),
            ["A=1", "B=", "C=a=b", "HOME=/home/ann"]
        );
        assert!(parse_variable("=x").is_err());
        assert!(parse_variable("").is_err());
    }

    #[test]
    fn variables_of_file_are_dockers() {
        let text = "\u{feff}A=1\r\n\n# no\n  B = \"quoted\" # kept\nHOME\n";
        assert!(variables_of_file(text).is_err(), "a space in a name");
        let text = "\u{feff}A=1\r\n\n# no\n  B=\"quoted\" # kept\nHOME\n";
        assert_eq!(
            resolve_variables(&variables_of_file(text).unwrap(), here),
            ["A=1", "B=\"quoted\" # kept", "HOME=/home/ann"]
        );
        assert_eq!(
            variables_of_file("A=1\n=2\n"),
            Err("line 2: the name is empty".to_owned())
        );
    }
}
