//! Lists of fields with commas between them, some of them quoted.
//!
//! Source: `encoding/csv` of Go's library, one record of which docker reads (RFC 4180).

/// Cuts a list into its fields. A field in quotes may hold commas, and quotes that are doubled.
pub fn split_fields(text: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let (field, after) = match rest.split_once(',') {
                    Some((field, after)) => (field, Some(after)),
                    None => (rest, None),
                };
                if field.contains('"') {
                    return Err(format!(
                        "a quote stands inside of {field}: put the whole field in quotes"
                    ));
                }
                (field.to_owned(), after)
            }
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// The field up to the quote that ends it, and what follows the comma behind it.
fn quoted_field(text: &str) -> Result<(String, Option<&str>), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or("a quote is not closed")?;
        field.push_str(part);
        if let Some(doubled) = after.strip_prefix('"') {
            field.push('"');
            rest = doubled;
        } else if after.is_empty() {
            return Ok((field, None));
        } else {
            let after = after
                .strip_prefix(',')
                .ok_or("a comma must follow a quoted field")?;
            return Ok((field, Some(after)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_fields_each_form_is_cut() {
        let check = |text: &str, fields: &[&str]| assert_eq!(split_fields(text).unwrap(), fields, "{text}");
        check("", &[""]);
        check("a", &["a"]);
        check("a=1,b,c=", &["a=1", "b", "c="]);
        check(r#""device=0,1",all"#, &["device=0,1", "all"]);
        check(r#"a,"b ""c"", d""#, &["a", r#"b "c", d"#]);
        check(r#""""#, &[""]);
        for text in [r#"""#, r#"a"b"#, r#""a"b"#, r#""a"#] {
            assert!(split_fields(text).is_err(), "{text}");
        }
    }
}
