//! Reads the connection rule of a projection and checks that there are enough neurons for it.

use super::context::{Context, LocalNames, Section, list};
use super::keys::RULES;
use super::problem::nearest;
use super::tree::{Content, Node};
use super::units::show;
use crate::plan::{Rule, Selection};

/// The neurons that a rule may connect, and which connections are allowed.
pub(crate) struct Candidates<'p> {
    pub from: &'p Selection,
    pub to: &'p Selection,
    pub autapses: bool,
    pub multapses: bool,
}

impl Candidates<'_> {
    fn sources(&self) -> u64 {
        u64::from(self.from.neurons.end - self.from.neurons.start)
    }

    fn targets(&self) -> u64 {
        u64::from(self.to.neurons.end - self.to.neurons.start)
    }

    /// Number of excluded pairs: neurons that are both source and target and may not connect to themselves.
    fn excluded_pairs(&self) -> u64 {
        if self.autapses || self.from.population != self.to.population {
            return 0;
        }
        let start = self.from.neurons.start.max(self.to.neurons.start);
        let end = self.from.neurons.end.min(self.to.neurons.end);
        u64::from(end.saturating_sub(start))
    }
}

/// Whether a rule can connect a pair of neurons more than once.
pub(crate) fn can_repeat(rule: Rule) -> bool {
    matches!(rule, Rule::FixedInDegree(_) | Rule::FixedOutDegree(_) | Rule::FixedTotalNumber(_))
}

/// Reads the rule of a projection. Checks the number of neurons if `candidates` is given.
pub(crate) fn read(
    cx: &mut Context,
    section: &Section,
    node: &Node,
    candidates: Option<&Candidates>,
    local_names: &LocalNames,
) -> Option<Rule> {
    let rule = parse(cx, section, node, local_names)?;
    if let Some(flag) = section.node("multapses").filter(|_| !can_repeat(rule)) {
        let message = "multapses has no effect: this rule never connects a pair more than once".to_string();
        cx.report_value(flag, &section.path_of("multapses"), message, Some("remove this key".to_string()));
        return None;
    }
    candidates.is_none_or(|candidates| check(cx, section, node, candidates, rule)).then_some(rule)
}

/// Reads a rule and its value.
fn parse(cx: &mut Context, section: &Section, node: &Node, local_names: &LocalNames) -> Option<Rule> {
    let path = section.path_of("rule");
    let (name, value) = match &node.content {
        Content::Text(name) => (name.as_str(), None),
        Content::Table(table) => match table.entries.as_slice() {
            [entry] => (entry.key.as_str(), Some(entry)),
            entries => {
                let message = format!("{} has {} keys; one rule is needed", node.show(), entries.len());
                cx.report_value(node, &path, message, Some("for example, write { fixed_in_degree = 100 }".to_string()));
                return None;
            }
        },
        _ => {
            let message = format!("{} is {}; a rule is needed", node.show(), node.noun());
            cx.report_value(
                node,
                &path,
                message,
                Some("for example, write \"all_to_all\" or { fixed_in_degree = 100 }".to_string()),
            );
            return None;
        }
    };
    let names: Vec<&str> = RULES.iter().map(|(name, ..)| *name).collect();
    let Some((_, needs_value, _)) = RULES.iter().find(|(known, ..)| *known == name) else {
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean {name}?"));
        let message = format!("unknown rule \"{}\"; {}", name.escape_debug(), list(&names));
        match value {
            Some(entry) => cx.report(entry.origin, &path, entry.key.clone(), message, remedy),
            None => cx.report_value(node, &path, message, remedy),
        }
        return None;
    };
    let entry = match (value, needs_value) {
        (None, false) if name == "one_to_one" => return Some(Rule::OneToOne),
        (None, false) => return Some(Rule::AllToAll),
        (Some(entry), true) => entry,
        (Some(_), false) => {
            cx.report_value(node, &path, format!("{name} takes no value"), Some(format!("write rule = \"{name}\"")));
            return None;
        }
        (None, true) => {
            cx.report_value(
                node,
                &path,
                format!("{name} needs a value"),
                Some(format!("write rule = {{ {name} = … }}")),
            );
            return None;
        }
    };
    let path = format!("{path}.{name}");
    if name == "erdos_renyi" {
        let p = cx.number(&entry.node, &path, local_names)?;
        if !(0.0..=1.0).contains(&p) {
            let message = format!("the probability is {}; a value from 0 to 1 is needed", show(p));
            cx.report_value(&entry.node, &path, message, None);
            return None;
        }
        return Some(Rule::ErdosRenyi(p));
    }
    let number = cx.whole_number(&entry.node, &path, local_names)?;
    if name == "fixed_total_number" {
        return Some(Rule::FixedTotalNumber(number));
    }
    let Ok(degree) = u32::try_from(number) else {
        cx.report_value(&entry.node, &path, format!("{number} is too large; a degree is at most {}", u32::MAX), None);
        return None;
    };
    Some(if name == "fixed_in_degree" { Rule::FixedInDegree(degree) } else { Rule::FixedOutDegree(degree) })
}

/// Checks that there are enough neurons for the rule.
fn check(cx: &mut Context, section: &Section, node: &Node, candidates: &Candidates, rule: Rule) -> bool {
    // 1 if a neuron is both source and target but may not connect to itself. It can then draw one neuron fewer.
    let itself = u64::from(candidates.excluded_pairs() > 0);
    let (number, available, what) = match rule {
        Rule::AllToAll | Rule::ErdosRenyi(_) => return true,
        Rule::OneToOne if candidates.sources() == candidates.targets() => return true,
        Rule::OneToOne => {
            let message = format!(
                "one_to_one needs as many sources as targets; there are {} sources and {} targets",
                candidates.sources(),
                candidates.targets()
            );
            let remedy =
                "select equal numbers, for example with { population = \"NAME\", neurons = \"0..100\" }".to_string();
            cx.report_value(node, &section.path_of("rule"), message, Some(remedy));
            return false;
        }
        Rule::FixedInDegree(k) => (u64::from(k), candidates.sources() - itself, "sources"),
        Rule::FixedOutDegree(k) => (u64::from(k), candidates.targets() - itself, "targets"),
        Rule::FixedTotalNumber(n) => {
            (n, candidates.sources() * candidates.targets() - candidates.excluded_pairs(), "pairs")
        }
    };
    let enough = if candidates.multapses { available > 0 || number == 0 } else { number <= available };
    if !enough {
        let without = match (candidates.multapses, candidates.excluded_pairs() > 0) {
            (true, _) => "without autapses",
            (false, true) => "without multapses and autapses",
            (false, false) => "without multapses",
        };
        let message = format!("{number} is more than the {available} {what} that can be drawn {without}");
        let remedy = match candidates.multapses {
            true => "set autapses = true".to_string(),
            false => format!("give at most {available}, or set multapses = true"),
        };
        cx.report_value(node, &section.path_of("rule"), message, Some(remedy));
    }
    enough
}
