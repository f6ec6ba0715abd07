package archtest

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// stateExceptions are the variables that may change: the default sender of the drop-in,
// which SetSender sets.
var stateExceptions = []string{"mailer/netsmtp.sender"}

// checkState finds init functions, and package variables that code changes: those
// that are assigned to outside of their declaration, and locks and atomics.
func checkState(all []*source, fset *token.FileSet) []string {
	var violations []string
	for _, s := range all {
		c := stateChecker{source: s, fset: fset, info: typeCheck(s, fset)}
		for _, file := range s.files {
			ast.Inspect(file, c.inspect)
		}
		violations = append(violations, c.violations...)
	}
	return violations
}

// typeCheck resolves the names of one package by itself. What is imported stays
// unknown, and the errors that follow from it are no concern here.
func typeCheck(s *source, fset *token.FileSet) *types.Info {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: noImporter{}, Error: func(error) {}}
	_, _ = config.Check(s.dir, fset, s.files, info)
	return info
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

type stateChecker struct {
	source     *source
	fset       *token.FileSet
	info       *types.Info
	violations []string
}

func (c *stateChecker) inspect(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.FuncDecl:
		if n.Recv == nil && n.Name.Name == "init" {
			c.report(n.Pos(), "has an init function")
		}
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			c.changed(n.Lhs...)
		}
	case *ast.IncDecStmt:
		c.changed(n.X)
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			c.changed(n.Key, n.Value)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
			c.changed(n.Args[0])
		}
	case *ast.ValueSpec:
		c.declared(n)
	case *ast.GoStmt:
		if layerOf(c.source.dir) == contract {
			c.report(n.Pos(), "starts a goroutine")
		}
	}
	return true
}

// changed reports the expressions that are, or are part of, a package variable.
func (c *stateChecker) changed(expressions ...ast.Expr) {
	for _, e := range expressions {
		root := rootOf(e)
		if root == nil {
			continue
		}
		if v, ok := c.info.Uses[root].(*types.Var); ok && c.isPackageLevel(v) {
			c.reportVariable(root, "changes the package variable "+root.Name)
		}
	}
}

// rootOf returns x of x.f, x[i], *x and (x).
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func (c *stateChecker) isPackageLevel(v *types.Var) bool {
	return v != nil && v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}

// declared reports package variables of a type that is there to change. A sync.Pool is
// not one: what is in it makes no difference.
func (c *stateChecker) declared(spec *ast.ValueSpec) {
	selector, ok := stripIndex(spec.Type).(*ast.SelectorExpr)
	if !ok {
		return
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok || pkg.Name != "atomic" && (pkg.Name != "sync" || selector.Sel.Name == "Pool") {
		return
	}
	for _, name := range spec.Names {
		if v, ok := c.info.Defs[name].(*types.Var); ok && c.isPackageLevel(v) {
			c.reportVariable(name, fmt.Sprintf("has the package variable %s of type %s.%s", name.Name, pkg.Name, selector.Sel.Name))
		}
	}
}

// stripIndex returns atomic.Pointer of atomic.Pointer[T].
func stripIndex(e ast.Expr) ast.Expr {
	if index, ok := e.(*ast.IndexExpr); ok {
		return index.X
	}
	return e
}

func (c *stateChecker) reportVariable(name *ast.Ident, what string) {
	if !slices.Contains(stateExceptions, c.source.dir+"."+name.Name) {
		c.report(name.Pos(), what)
	}
}

func (c *stateChecker) report(pos token.Pos, what string) {
	c.violations = append(c.violations, fmt.Sprintf("%s: %s", c.fset.Position(pos), what))
}
