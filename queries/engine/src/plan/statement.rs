//! From text to DataFusion's resolved plan, without data.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{self, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use skjerm_warehouse::policy::Policy;

use super::catalog::{Catalog, Public};
use super::refuse::{Refusal, refuse};

/// The longest question, in bytes. It also bounds how deep an expression can nest.
pub(crate) const MAX_TEXT: usize = 8_000;
/// How many brackets and CASEs may be open at once. The parser goes back and tries again at each, so its time doubles
/// with every one that is left open: found with 40 brackets, which ran for hours, and with 28 CASEs.
const MAX_OPEN: usize = 8;
/// How deep the parser may go.
const MAX_DEPTH: usize = 40;

/// Parses exactly one query and resolves its names against the policy.
pub(super) fn resolve(policy: &Policy, public: &Public, sql: &str) -> Result<LogicalPlan, Refusal> {
    if sql.len() > MAX_TEXT {
        return Err(refuse(format!("the question is {} bytes long, and {MAX_TEXT} are allowed", sql.len()))
            .hint("Write shorter lists; split the question."));
    }
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| refuse(format!("the question was not understood: {error}")))?;
    if most_open(&tokens) > MAX_OPEN {
        return Err(refuse(format!("more than {MAX_OPEN} brackets and CASEs are open at once"))
            .hint("Nest less deeply; a CASE can have many WHENs."));
    }
    let mut statements = DFParserBuilder::new(tokens)
        .with_dialect(&dialect)
        .with_recursion_limit(MAX_DEPTH)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| not_understood(&error))?;
    let (Some(statement), None) = (statements.pop_front(), statements.pop_front()) else {
        return Err(refuse("a question is exactly one statement"));
    };
    let Statement::Statement(inner) = &statement else {
        return Err(refuse("only SELECT can be asked"));
    };
    let ast::Statement::Query(query) = inner.as_ref() else {
        return Err(refuse("only SELECT can be asked").hint("For the price of a question use --explain."));
    };
    supported(query)?;
    not_too_large(query)?;
    let catalog = Catalog { policy, public, options: ConfigOptions::default() };
    let options = ParserOptions { map_string_types_to_utf8view: false, ..ParserOptions::default() };
    SqlToRel::new_with_options(&catalog, options)
        .statement_to_plan(statement)
        .map_err(|error| not_understood(&error))
}

/// The most brackets and CASEs open at once. By tokens, so that quotes and comments cannot hide any.
fn most_open(tokens: &[TokenWithSpan]) -> usize {
    let (mut brackets, mut cases, mut most) = (0_usize, 0_usize, 0);
    let mut before = &Token::EOF;
    for token in tokens.iter().map(|token| &token.token) {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => brackets += 1,
            Token::RParen | Token::RBracket | Token::RBrace => brackets = brackets.saturating_sub(1),
            Token::Word(word) if word.keyword == Keyword::CASE => cases += 1,
            Token::Word(word) if word.keyword == Keyword::END && ends_value(before) => {
                cases = cases.saturating_sub(1);
            }
            _ => {}
        }
        most = most.max(brackets + cases);
        before = token;
    }
    most
}

/// Whether an END behind this ends a CASE. Elsewhere the parser takes it for a name, by which CASEs could be hidden.
fn ends_value(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::NoKeyword
                | Keyword::END
                | Keyword::NULL
                | Keyword::TRUE
                | Keyword::FALSE
                | Keyword::YEAR
                | Keyword::MONTH
                | Keyword::DAY
                | Keyword::DATE
        ),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::RParen
        | Token::RBracket
        | Token::RBrace => true,
        _ => false,
    }
}

/// Clauses that the planner would drop in silence, and forms worth a sentence of their own, wherever they stand.
fn supported(query: &ast::Query) -> Result<(), Refusal> {
    match query.visit(&mut Forms) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// How many tables a question may name once its common table expressions are written out.
const MOST_TABLES: usize = 48;

/// Refuses questions that grow when their common table expressions are written out: a chain of them that each name the
/// one before twice has 2ⁿ tables.
fn not_too_large(query: &ast::Query) -> Result<(), Refusal> {
    struct Tables {
        named: HashMap<String, usize>,
        count: usize,
    }
    impl Visitor for Tables {
        type Break = ();

        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                let mut inner = Self { named: self.named.clone(), count: 0 };
                cte.query.visit(&mut inner)?;
                let known = self.named.entry(cte.alias.name.value.to_lowercase()).or_default();
                *known = inner.count.max(*known);
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
            let name =
                relation.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
            let tables = name.and_then(|name| self.named.get(&name).copied());
            self.count = self.count.saturating_add(tables.unwrap_or(1).max(1));
            if self.count > MOST_TABLES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    let mut tables = Tables { named: HashMap::new(), count: 0 };
    match query.visit(&mut tables) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => {
            Err(refuse(format!("written out, the question names more than {MOST_TABLES} tables"))
                .hint("Ask in parts: computing with answers is free."))
        }
    }
}

struct Forms;

impl Visitor for Forms {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Refusal> {
        forms_of_query(query).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn pre_visit_select(&mut self, select: &ast::Select) -> ControlFlow<Refusal> {
        forms_of_select(select).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }

    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<Refusal> {
        forms_of_table(factor).map_or_else(ControlFlow::Break, ControlFlow::Continue)
    }
}

fn forms_of_query(query: &ast::Query) -> Result<(), Refusal> {
    if query.with.as_ref().is_some_and(|with| with.recursive) {
        return Err(refuse("recursive queries (WITH RECURSIVE) are not supported"));
    }
    if !query.locks.is_empty() || query.for_clause.is_some() {
        return Err(refuse("FOR is not supported"));
    }
    if query.settings.is_some() || query.format_clause.is_some() || !query.pipe_operators.is_empty() {
        return Err(refuse("SETTINGS, FORMAT and pipes are not supported"));
    }
    match query.body.as_ref() {
        ast::SetExpr::Select(_) | ast::SetExpr::Query(_) => Ok(()),
        ast::SetExpr::SetOperation { op: ast::SetOperator::Union, set_quantifier, .. }
            if *set_quantifier == ast::SetQuantifier::All =>
        {
            Ok(())
        }
        ast::SetExpr::SetOperation { .. } => {
            Err(refuse("UNION without ALL, INTERSECT and EXCEPT are not supported")
                .hint("UNION ALL puts answers below each other."))
        }
        ast::SetExpr::Values(_) | ast::SetExpr::Table(_) => Err(refuse("only SELECT can be asked")),
        ast::SetExpr::Insert(_)
        | ast::SetExpr::Update(_)
        | ast::SetExpr::Delete(_)
        | ast::SetExpr::Merge(_) => Err(refuse("only SELECT can be asked; nothing can be changed")),
    }
}

fn forms_of_select(select: &ast::Select) -> Result<(), Refusal> {
    // The planner would panic over a subquery without columns.
    if select.projection.is_empty() {
        return Err(refuse("a SELECT names no column"));
    }
    if matches!(select.distinct, Some(ast::Distinct::On(_))) {
        return Err(refuse("DISTINCT ON is not supported").hint("Use GROUP BY."));
    }
    if select.into.is_some()
        || select.top.is_some()
        || select.prewhere.is_some()
        || select.qualify.is_some()
        || !select.lateral_views.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || !select.connect_by.is_empty()
        || select.value_table_mode.is_some()
    {
        return Err(refuse("this form of SELECT is not supported"));
    }
    Ok(())
}

fn forms_of_table(factor: &ast::TableFactor) -> Result<(), Refusal> {
    match factor {
        ast::TableFactor::Table { args, sample, version, with_hints, partitions, json_path, .. } => {
            let more = args.is_some()
                || sample.is_some()
                || version.is_some()
                || json_path.is_some()
                || !with_hints.is_empty()
                || !partitions.is_empty();
            if more { Err(refuse("FROM must name a table and nothing more")) } else { Ok(()) }
        }
        ast::TableFactor::Derived { lateral: false, sample: None, .. }
        | ast::TableFactor::NestedJoin { .. } => Ok(()),
        _ => {
            Err(refuse("FROM must name tables and subqueries; functions and LATERAL are not supported there"))
        }
    }
}

/// What the parser or planner puts before its words, in the order in which they stand.
const PREFIXES: [&str; 5] = [
    "Error during planning: ",
    "Schema error: ",
    "This feature is not implemented: ",
    "Arrow error: ",
    "Parser error: ",
];

/// What the parser or planner says. Both see the text and the policy's schemas, and no data.
fn not_understood(error: &DataFusionError) -> Refusal {
    refuse(format!("the question was not understood: {}", said(error)))
}

/// Their own words about the question, and none about where in a program it was found.
pub(super) fn said(error: &DataFusionError) -> String {
    let said = match error.find_root() {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::ParserError(said) | ParserError::TokenizerError(said) => said.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        },
        other => other.strip_backtrace(),
    };
    if said.contains("any signature") || said.contains("No function matches") {
        let function = said.split('\'').nth(1).unwrap_or_default();
        return format!("the function `{function}` cannot be called with these arguments");
    }
    // A mistake of the library's, or advice for those who build with it: the question's own words are not in it.
    if said.contains("DataFusion") || said.contains("Internal error") {
        return "this form of SQL is not supported".to_owned();
    }
    let said = PREFIXES.iter().fold(said.as_str(), |said, prefix| said.strip_prefix(prefix).unwrap_or(said));
    // How to set the library up, behind what it says of the question.
    let said = said.split("\nColumn names are case sensitive").next().unwrap_or_default();
    let said = said.replace('\n', " ");
    let said = said.trim_end_matches('.');
    let mut shown: String = said.chars().take(400).collect();
    if said.chars().count() > 400 {
        shown.push('…');
    }
    shown
}
