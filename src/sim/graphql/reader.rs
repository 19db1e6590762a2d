//! Reads a GraphQL document as far as clients of FreePBX write them: one operation with aliases, arguments, variables and
//! inline fragments. No named fragments, no directives, no block strings.

use serde_json::{Map, Value};

use super::Problem;

#[derive(Debug, PartialEq)]
pub(super) struct Operation {
    pub mutation: bool,
    pub fields: Vec<Field>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// The name in the answer.
    pub alias: String,
    pub name: String,
    pub arguments: Map<String, Value>,
    pub fields: Vec<Self>,
    pub at: usize,
}

/// More brackets than anybody writes: the reader calls itself for each.
const MOST_BRACKETS: usize = 200;

pub(super) fn read(text: &str, variables: &Map<String, Value>) -> Result<Operation, Problem> {
    if text.matches(['{', '[']).count() > MOST_BRACKETS {
        return Err(Problem { message: "Syntax Error: too deep for the simulator".to_owned(), at: 0 });
    }
    let mut reader = Reader { text, at: 0, variables };
    let operation = reader.operation()?;
    match reader.peek() {
        Token::End => Ok(operation),
        _ => Err(reader.unexpected()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Name(&'a str),
    Number(&'a str),
    /// With its quotes.
    Text(&'a str),
    Mark(&'a str),
    End,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    variables: &'a Map<String, Value>,
}

type Read<T> = Result<T, Problem>;

impl<'a> Reader<'a> {
    /// Passes what means nothing: blanks, commas, comments.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let blank = |c: char| c.is_whitespace() || c == ',' || c == '\u{feff}';
            let next = rest.trim_start_matches(blank);
            let comment = if next.starts_with('#') { next.find('\n').unwrap_or(next.len()) } else { 0 };
            self.at += rest.len() - next.len() + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn peek(&mut self) -> Token<'a> {
        self.skip();
        let rest = &self.text[self.at..];
        let until = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let Some(first) = rest.chars().next() else { return Token::End };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                Token::Name(&rest[..until(|c| c.is_ascii_alphanumeric() || c == '_')])
            }
            '0'..='9' | '-' => Token::Number(
                &rest[..until(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))],
            ),
            '"' => Token::Text(&rest[..quoted(rest)]),
            _ if rest.starts_with("...") => Token::Mark("..."),
            other => Token::Mark(&rest[..other.len_utf8()]),
        }
    }

    fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += match token {
            Token::Name(text) | Token::Number(text) | Token::Text(text) | Token::Mark(text) => text.len(),
            Token::End => 0,
        };
        token
    }

    /// Takes the mark where it comes next.
    fn takes(&mut self, mark: &str) -> bool {
        let there = self.peek() == Token::Mark(mark);
        if there {
            self.next();
        }
        there
    }

    fn expects(&mut self, mark: &str) -> Read<()> {
        if self.takes(mark) { Ok(()) } else { Err(self.expected(mark)) }
    }

    fn name(&mut self) -> Read<&'a str> {
        match self.peek() {
            Token::Name(name) => {
                self.next();
                Ok(name)
            }
            _ => Err(self.expected("Name")),
        }
    }

    fn expected(&mut self, what: &str) -> Problem {
        let found = found(self.peek());
        Problem { message: format!("Syntax Error: Expected {what}, found {found}"), at: self.at }
    }

    fn unexpected(&mut self) -> Problem {
        let found = found(self.peek());
        Problem { message: format!("Syntax Error: Unexpected {found}"), at: self.at }
    }

    fn operation(&mut self) -> Read<Operation> {
        let mut mutation = false;
        match self.peek() {
            Token::Name(kind @ ("query" | "mutation")) => {
                self.next();
                mutation = kind == "mutation";
                if matches!(self.peek(), Token::Name(_)) {
                    self.next();
                }
                if self.takes("(") {
                    self.declarations()?;
                }
            }
            Token::Mark("{") => {}
            _ => return Err(self.unexpected()),
        }
        Ok(Operation { mutation, fields: self.selection()? })
    }

    /// Passes the types of variables: what they hold is taken as it is.
    fn declarations(&mut self) -> Read<()> {
        while !self.takes(")") {
            if self.next() == Token::End {
                return Err(self.expected("Name"));
            }
        }
        Ok(())
    }

    fn selection(&mut self) -> Read<Vec<Field>> {
        self.expects("{")?;
        let mut fields = Vec::new();
        loop {
            if self.takes("...") {
                if self.peek() == Token::Name("on") {
                    self.next();
                    self.name()?;
                }
                fields.extend(self.selection()?);
            } else {
                fields.push(self.field()?);
            }
            if self.takes("}") {
                return Ok(fields);
            }
        }
    }

    fn field(&mut self) -> Read<Field> {
        self.skip();
        let at = self.at;
        let alias = self.name()?;
        let name = if self.takes(":") { self.name()? } else { alias };
        let arguments = if self.takes("(") { self.members(")")? } else { Map::new() };
        let fields = if self.peek() == Token::Mark("{") { self.selection()? } else { Vec::new() };
        Ok(Field { alias: alias.to_owned(), name: name.to_owned(), arguments, fields, at })
    }

    fn members(&mut self, end: &str) -> Read<Map<String, Value>> {
        let mut members = Map::new();
        while !self.takes(end) {
            let name = self.name()?;
            self.expects(":")?;
            members.insert(name.to_owned(), self.value()?);
        }
        Ok(members)
    }

    fn value(&mut self) -> Read<Value> {
        if self.takes("$") {
            let name = self.name()?;
            return Ok(self.variables.get(name).cloned().unwrap_or_default());
        }
        if self.takes("{") {
            return self.members("}").map(Value::Object);
        }
        if self.takes("[") {
            let mut items = Vec::new();
            while !self.takes("]") {
                items.push(self.value()?);
            }
            return Ok(items.into());
        }
        match self.peek() {
            Token::Name(name) => {
                self.next();
                Ok(serde_json::from_str(name).unwrap_or_else(|_| name.into()))
            }
            Token::Number(text) | Token::Text(text) => match serde_json::from_str(text) {
                Ok(value) => {
                    self.next();
                    Ok(value)
                }
                Err(_) => Err(self.unexpected()),
            },
            _ => Err(self.unexpected()),
        }
    }
}

/// How long the string at the beginning is, quotes included.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The library's words for a token.
fn found(token: Token<'_>) -> String {
    match token {
        Token::Name(name) => format!("Name \"{name}\""),
        Token::Number(text) if text.contains('.') => format!("Float \"{text}\""),
        Token::Number(text) => format!("Int \"{text}\""),
        Token::Text(text) => format!("String {text}"),
        Token::Mark(mark) => mark.to_owned(),
        Token::End => "<EOF>".to_owned(),
    }
}
