//! Connection rules of projections, checked against the number of neurons they can choose from.

use super::context::{Context, Locals, Section, list};
use super::keys::RULES;
use super::problem::nearest;
use super::tree::{Content, Node};
use super::units::show;
use crate::plan::{Rule, Selection};

/// The neurons a rule connects.
pub(crate) struct Pair<'p> {
    pub from: &'p Selection,
    pub to: &'p Selection,
    pub autapses: bool,
    pub multapses: bool,
}

impl Pair<'_> {
    fn sources(&self) -> u64 {
        u64::from(self.from.neurons.end - self.from.neurons.start)
    }

    fn targets(&self) -> u64 {
        u64::from(self.to.neurons.end - self.to.neurons.start)
    }

    /// Neurons that are source and target and may not connect to themselves.
    fn excluded(&self) -> u64 {
        if self.autapses || self.from.population != self.to.population {
            return 0;
        }
        let start = self.from.neurons.start.max(self.to.neurons.start);
        let end = self.from.neurons.end.min(self.to.neurons.end);
        u64::from(end.saturating_sub(start))
    }
}

/// Whether a rule can connect a pair more than once.
pub(crate) fn can_repeat(rule: Rule) -> bool {
    matches!(rule, Rule::FixedInDegree(_) | Rule::FixedOutDegree(_) | Rule::FixedTotalNumber(_))
}

/// Read the rule of a pair, and check it against the pair where that is known.
pub(crate) fn read(
    cx: &mut Context,
    section: &Section,
    node: &Node,
    pair: Option<&Pair>,
    locals: &Locals,
) -> Option<Rule> {
    let rule = parse(cx, section, node, locals)?;
    if let Some(flag) = section.node("multapses").filter(|_| !can_repeat(rule)) {
        let message = "this rule never connects a pair more than once".to_string();
        cx.wrong(flag, &section.at("multapses"), message, Some("remove this key".to_string()));
        return None;
    }
    pair.is_none_or(|pair| check(cx, section, node, pair, rule)).then_some(rule)
}

fn parse(cx: &mut Context, section: &Section, node: &Node, locals: &Locals) -> Option<Rule> {
    let path = section.at("rule");
    let (name, value) = match &node.content {
        Content::Text(name) => (name.as_str(), None),
        Content::Table(table) => match table.entries.as_slice() {
            [entry] => (entry.key.as_str(), Some(entry)),
            entries => {
                let message = format!("{} has {} keys; one rule is needed", node.show(), entries.len());
                cx.wrong(node, &path, message, Some("as in { fixed_in_degree = 100 }".to_string()));
                return None;
            }
        },
        _ => {
            let message = format!("{} is {}; a rule is needed", node.show(), node.noun());
            cx.wrong(node, &path, message, Some("as in \"all_to_all\" or { fixed_in_degree = 100 }".to_string()));
            return None;
        }
    };
    let names: Vec<&str> = RULES.iter().map(|(name, ..)| *name).collect();
    let Some((_, valued, _)) = RULES.iter().find(|(known, ..)| *known == name) else {
        let remedy = nearest(name, names.iter().copied()).map(|name| format!("did you mean {name}?"));
        let message = format!("unknown rule \"{}\"; {}", name.escape_debug(), list(&names));
        match value {
            Some(entry) => cx.report(entry.origin, &path, entry.key.clone(), message, remedy),
            None => cx.wrong(node, &path, message, remedy),
        }
        return None;
    };
    let entry = match (value, valued) {
        (None, false) if name == "one_to_one" => return Some(Rule::OneToOne),
        (None, false) => return Some(Rule::AllToAll),
        (Some(entry), true) => entry,
        (Some(_), false) => {
            cx.wrong(node, &path, format!("{name} takes no value"), Some(format!("write rule = \"{name}\"")));
            return None;
        }
        (None, true) => {
            cx.wrong(node, &path, format!("{name} needs a value"), Some(format!("write {{ {name} = … }}")));
            return None;
        }
    };
    let path = format!("{path}.{name}");
    if name == "erdos_renyi" {
        let p = cx.number(&entry.node, &path, locals)?;
        if !(0.0..=1.0).contains(&p) {
            let message = format!("{} is {}; a probability is from 0 to 1", entry.node.show(), show(p));
            cx.wrong(&entry.node, &path, message, None);
            return None;
        }
        return Some(Rule::ErdosRenyi(p));
    }
    let number = cx.whole(&entry.node, &path, locals)?;
    if name == "fixed_total_number" {
        return Some(Rule::FixedTotalNumber(number));
    }
    let Ok(degree) = u32::try_from(number) else {
        cx.wrong(&entry.node, &path, format!("{number} is too large; a degree is at most {}", u32::MAX), None);
        return None;
    };
    Some(if name == "fixed_in_degree" { Rule::FixedInDegree(degree) } else { Rule::FixedOutDegree(degree) })
}

/// Whether there are enough neurons for the rule.
fn check(cx: &mut Context, section: &Section, node: &Node, pair: &Pair, rule: Rule) -> bool {
    let one = u64::from(pair.excluded() > 0);
    let (number, most, what) = match rule {
        Rule::AllToAll | Rule::ErdosRenyi(_) => return true,
        Rule::OneToOne if pair.sources() == pair.targets() => return true,
        Rule::OneToOne => {
            let message = format!(
                "one_to_one needs as many sources as targets; there are {} and {}",
                pair.sources(),
                pair.targets()
            );
            cx.wrong(node, &section.at("rule"), message, None);
            return false;
        }
        Rule::FixedInDegree(k) => (u64::from(k), pair.sources() - one, "sources"),
        Rule::FixedOutDegree(k) => (u64::from(k), pair.targets() - one, "targets"),
        Rule::FixedTotalNumber(n) => (n, pair.sources() * pair.targets() - pair.excluded(), "pairs"),
    };
    let enough = if pair.multapses { most > 0 || number == 0 } else { number <= most };
    if !enough {
        let without = match (pair.multapses, pair.excluded() > 0) {
            (true, _) => "without autapses",
            (false, true) => "without multapses and autapses",
            (false, false) => "without multapses",
        };
        let message = format!("{number} connections from {most} {what} are impossible {without}");
        let remedy = format!("give at most {most}, or allow them with multapses = true");
        cx.wrong(node, &section.at("rule"), message, (!pair.multapses).then_some(remedy));
    }
    enough
}
