// Reads a parsed expression: which names it takes from the case's data, which functions it calls.
// Names are those of the data's top level: of `route.permit_needed` the name is `route`.

// Gives { names, reads, calls, literals }: names are surely of the data; reads are names or possibly parts of list
// elements, inside a filter; calls are functions by name with the number of arguments (null when they are named);
// literals are the places of dates, times and durations that are written out.
export function survey(tree, expression) {
  const found = { names: new Set(), reads: new Set(), calls: [], literals: [] };
  visit(tree.topNode, { bound: new Set(), filtered: false }, { expression, found });
  return found;
}

const VISITORS = {
  Context: context,
  DateTimeLiteral: literal,
  FilterExpression: filter,
  ForExpression: iteration,
  FunctionDefinition: definition,
  FunctionInvocation: invocation,
  Key: skip,
  ParameterName: skip,
  PathName: skip,
  QuantifiedExpression: iteration,
  Type: skip,
  VariableName: variable,
};

function visit(node, scope, all) {
  const visitor = VISITORS[node.name];
  if (visitor) visitor(node, scope, all);
  else inside(node, scope, all);
}

function inside(node, scope, all) {
  for (const child of children(node)) visit(child, scope, all);
}

function skip() {}

function children(node) {
  const found = [];
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child);
  return found;
}

function text(node, { expression }) {
  return expression.slice(node.from, node.to).replace(/\s+/g, " ").trim();
}

function binding(scope, ...names) {
  return { ...scope, bound: new Set([...scope.bound, ...names]) };
}

function variable(node, scope, all) {
  const name = text(node, all);
  if (scope.bound.has(name)) return;
  all.found.reads.add(name);
  if (!scope.filtered) all.found.names.add(name);
}

function invocation(node, scope, all) {
  const [target, ...rest] = children(node);
  const name = text(target, all);
  if (target.name !== "VariableName") visit(target, scope, all);
  else if (!scope.bound.has(name)) {
    const positional = rest.find((child) => child.name === "PositionalParameters");
    const named = rest.some((child) => child.name === "NamedParameters");
    all.found.calls.push({ name, count: named ? null : positional ? children(positional).length : 0, at: target.from });
  }
  for (const child of rest) visit(child, scope, all);
}

function literal(node, scope, all) {
  const given = node.getChild("PositionalParameters");
  const constant = given && children(given).every((child) => /Literal$/.test(child.name));
  if (constant || !given) all.found.literals.push({ from: node.from, to: node.to });
  inside(node, scope, all);
}

function iteration(node, scope, all) {
  let current = scope;
  for (const child of children(node)) {
    if (child.name !== "InExpressions") {
      visit(child, current, all);
      continue;
    }
    for (const each of child.getChildren("InExpression")) {
      const name = each.getChild("Name");
      visit(each.getChild("IterationContext"), current, all);
      current = binding(current, text(name, all), ...(node.name === "ForExpression" ? ["partial"] : []));
    }
  }
}

function context(node, scope, all) {
  let current = scope;
  for (const entry of node.getChildren("ContextEntry")) {
    const [key, ...rest] = children(entry);
    for (const child of rest) visit(child, current, all);
    current = binding(current, text(key, all).replace(/^["`]|["`]$/g, ""));
  }
}

function definition(node, scope, all) {
  const names = [];
  const parameters = node.getChild("FormalParameters");
  for (const each of parameters ? children(parameters) : []) names.push(text(each.firstChild, all));
  visit(node.getChild("FunctionBody"), binding(scope, ...names), all);
}

function filter(node, scope, all) {
  const [target, ...rest] = children(node);
  visit(target, scope, all);
  const within = { ...binding(scope, "item"), filtered: true };
  for (const child of rest) visit(child, within, all);
}
