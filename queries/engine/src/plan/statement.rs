//! From text to DataFusion's resolved plan, without data.

use datafusion::common::DataFusionError;
use datafusion::common::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use skjerm_warehouse::policy::Policy;

use super::catalog::Catalog;
use super::refuse::{Refusal, refuse};

/// The longest question, in bytes. It also bounds how deep an expression can nest.
pub(crate) const MAX_TEXT: usize = 8_000;
/// How many brackets may be open at once. The parser goes back and tries again at each, so its time doubles
/// with every one that is left open: found with 40, which ran for hours.
const MAX_BRACKETS: usize = 8;
/// How deep the parser may go.
const MAX_DEPTH: usize = 40;

/// Parses exactly one query and resolves its names against the policy.
pub(super) fn resolve(policy: &Policy, sql: &str) -> Result<LogicalPlan, Refusal> {
    if sql.len() > MAX_TEXT {
        return Err(refuse(format!("the question is {} bytes long, and {MAX_TEXT} are allowed", sql.len()))
            .hint("Write shorter lists; split the question."));
    }
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| refuse(format!("the question was not understood: {error}")))?;
    if open_brackets(&tokens) > MAX_BRACKETS {
        return Err(
            refuse(format!("more than {MAX_BRACKETS} brackets are open at once")).hint("Nest less deeply.")
        );
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
    let catalog = Catalog { policy, options: ConfigOptions::default() };
    let options = ParserOptions { map_string_types_to_utf8view: false, ..ParserOptions::default() };
    SqlToRel::new_with_options(&catalog, options)
        .statement_to_plan(statement)
        .map_err(|error| not_understood(&error))
}

/// The most brackets open at once. By tokens, so that quotes and comments cannot hide any.
fn open_brackets(tokens: &[TokenWithSpan]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Clauses that the planner would drop in silence, and forms worth a sentence of their own.
fn supported(query: &ast::Query) -> Result<(), Refusal> {
    if query.with.is_some() {
        return Err(refuse("common table expressions (WITH) are not supported"));
    }
    if !query.locks.is_empty() || query.for_clause.is_some() {
        return Err(refuse("FOR is not supported"));
    }
    if query.settings.is_some() || query.format_clause.is_some() || !query.pipe_operators.is_empty() {
        return Err(refuse("SETTINGS, FORMAT and pipes are not supported"));
    }
    match query.body.as_ref() {
        ast::SetExpr::Select(select) => {
            if select.from.len() != 1 || select.from.iter().any(|table| !table.joins.is_empty()) {
                return Err(refuse("a question reads one table; joins are not supported"));
            }
            for table in &select.from {
                let ast::TableFactor::Table {
                    args, sample, version, with_hints, partitions, json_path, ..
                } = &table.relation
                else {
                    return Err(refuse(
                        "FROM must name a table; subqueries and functions are not supported there",
                    ));
                };
                if args.is_some()
                    || sample.is_some()
                    || version.is_some()
                    || json_path.is_some()
                    || !with_hints.is_empty()
                    || !partitions.is_empty()
                {
                    return Err(refuse("FROM must name a table and nothing more"));
                }
            }
            if select.distinct.is_some() {
                return Err(refuse("SELECT DISTINCT is not supported").hint("Use GROUP BY."));
            }
            if select.having.is_some() {
                return Err(refuse("HAVING is not supported"));
            }
            if select.qualify.is_some() || !select.named_window.is_empty() {
                return Err(refuse("window functions are not supported"));
            }
            if select.into.is_some()
                || select.top.is_some()
                || select.prewhere.is_some()
                || !select.lateral_views.is_empty()
                || !select.cluster_by.is_empty()
                || !select.distribute_by.is_empty()
                || !select.sort_by.is_empty()
                || !select.connect_by.is_empty()
            {
                return Err(refuse("this form of SELECT is not supported"));
            }
            Ok(())
        }
        ast::SetExpr::SetOperation { .. } => Err(refuse("UNION, INTERSECT and EXCEPT are not supported")),
        ast::SetExpr::Query(_) => Err(refuse("a SELECT in brackets is not supported")),
        ast::SetExpr::Values(_) | ast::SetExpr::Table(_) => Err(refuse("only SELECT can be asked")),
        ast::SetExpr::Insert(_)
        | ast::SetExpr::Update(_)
        | ast::SetExpr::Delete(_)
        | ast::SetExpr::Merge(_) => Err(refuse("only SELECT can be asked; nothing can be changed")),
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
    let said = match error.find_root() {
        DataFusionError::SQL(parser, _) => match parser.as_ref() {
            ParserError::ParserError(said) | ParserError::TokenizerError(said) => said.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        },
        other => other.strip_backtrace(),
    };
    // Their own words about the question, and none about where in a program it was found.
    let said = PREFIXES.iter().fold(said.as_str(), |said, prefix| said.strip_prefix(prefix).unwrap_or(said));
    let said = said.replace('\n', " ");
    let said = said.trim_end_matches('.');
    let mut shown: String = said.chars().take(400).collect();
    if said.chars().count() > 400 {
        shown.push('…');
    }
    refuse(format!("the question was not understood: {shown}"))
}
